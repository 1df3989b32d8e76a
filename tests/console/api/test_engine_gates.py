"""Gates by REST: thin over their services."""

import datetime as dt
import uuid

from tests.console.access.world import actor
from tests.console.api.brakes import BrakesDesk, new_hold, sent
from tests.engines.documents import BOUND, document
from trading.engines.reading import read_engine
from trading.engines.versions import version_store
from trading.gates.trades import trades_digest
from trading.models import BacktestReport, Drill, PaperDay, SignOff, VenueAccount

KEY = "mom-eurusd"
ONE = f"/api/engines/{KEY}"
TODAY = dt.datetime.now(dt.UTC).date()
DAY = dt.timedelta(days=1)


def laid() -> None:
    """A document with two years' backtest and thirty days on paper."""
    text = document(KEY, instruments=["EURUSD"])
    config = read_engine(text)
    version = version_store(config=config, text=text, actor=actor("mercy.okafor"), reason="r")
    BacktestReport.objects.create(
        digest=uuid.uuid4().hex * 2, name=KEY, document=version.digest, made_by="quant",
        body={"figures": {"fills": 9}, "bound": BOUND, "quoted_days": 504},
        first_day=TODAY - 730 * DAY, last_day=TODAY,
    )  # fmt: skip
    PaperDay.objects.bulk_create(
        PaperDay(
            name=KEY, day=TODAY - at * DAY, digest=trades_digest(config), counts=True, orders=3,
            pnl="1.5", high=2, low=0, drawdown="0.5", capital=1_000,
        )
        for at in range(1, 31)
    )  # fmt: skip


def test_gates_are_read_signed_and_withdrawn(brakes: BrakesDesk) -> None:
    script, mercy = brakes.token("read"), brakes.person("mercy")
    assert script.get(f"{ONE}/gates").json()["code"] == "engine-unknown"
    laid()
    found = script.get(f"{ONE}/gates").json()
    assert (found["live"], found["open"], found["maker"]) == (False, False, "mercy.okafor")
    assert [one["name"] for one in found["gates"] if not one["met"]] == [
        "risk approval", "compliance sign-off", "drill and readiness",
    ]  # fmt: skip
    day = script.get(f"{ONE}/paper-days?limit=1").json()[0]
    assert (day["counts"], float(day["pnl"]), float(day["capital"])) == (True, 1.5, 1_000)

    said = {"gate": "risk", "shown": found["shown"], "reason": "looked", "accepts_latency": True}
    late = sent(brakes.person("lena"), f"{ONE}/sign-off", {**said, "shown": "0" * 64})
    assert (late.status_code, late.json()["code"]) == (409, "sign-off-moved")
    done = sent(brakes.person("lena"), f"{ONE}/sign-off", said)
    assert (done.status_code, done.json()["signed_by"]) == (200, "lena.fischer"), done.content
    assert done.json()["accepts_latency"]
    other = {"gate": "compliance", "shown": found["shown"], "reason": "reviewed"}
    assert sent(brakes.person("ruth"), f"{ONE}/sign-off", other).status_code == 200
    said_by = {one["name"]: one["text"] for one in script.get(f"{ONE}/gates").json()["gates"]}
    assert said_by["compliance sign-off"].startswith("ruth.adeyemi, ")

    back = sent(mercy, f"{ONE}/sign-off/withdraw", {"gate": "risk"})
    assert [one["signed_by"] for one in back.json()] == ["lena.fischer"], back.content
    assert SignOff.objects.filter(withdrawal=None).get().gate == "compliance"
    again = sent(mercy, f"{ONE}/sign-off/withdraw", {"gate": "risk"})
    assert (again.status_code, again.json()["code"]) == (409, "sign-off-none")


def test_a_drill_is_recorded_from_a_hold(brakes: BrakesDesk) -> None:
    ada, script = brakes.person("ada"), brakes.token("read")
    row = new_hold(scope="venue:paper-1")
    refused = sent(ada, "/api/drills", {"hold": str(row.id)})
    assert (refused.status_code, refused.json()["code"]) == (409, "drill-not-rehearsal")
    assert sent(ada, "/api/drills", {}).json()["field"] == "hold"
    unknown = sent(ada, "/api/drills", {"hold": str(uuid.uuid4())})
    assert unknown.json()["code"] == "hold-unknown"
    Drill.objects.create(
        kind="kill", digest="d" * 64, account=VenueAccount.objects.get(name="paper-1"),
        body={"proofs": ["acknowledged"]}, happened_at=row.placed_at, made_by="ada.nwosu",
    )  # fmt: skip
    (one,) = script.get("/api/drills").json()
    assert (one["account"], one["evidence"]) == ("paper-1", {"proofs": ["acknowledged"]})
