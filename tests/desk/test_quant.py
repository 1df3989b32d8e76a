"""A strategy from its YAML to real money: told what is wrong, tested over years, on paper, through
the gates, live at a stand-in for Kraken Futures, stopped, and everything accounted for.

Time alone is given: a month on paper and the minutes on each rung are written as if they had been.
"""

import csv
import gzip
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.cli.shell import Said, haltline
from tests.desk.test_story import Story, demo
from tests.feeds.builders import SHARED
from tests.pages.test_factors_browser import fill, there
from tests.pages.web import Chromium, Visitor
from tests.support.desk import PROJECT, Desk, running_desk
from tests.support.processes import start_python
from tests.venues.kraken_rig import secret_of
from workers.services.ports import free_port

pytestmark = [pytest.mark.desk, pytest.mark.browser, pytest.mark.timeout(420)]

NAME, SCOPE, ACCOUNT, SYMBOL = "quant-btc", "strategy:quant-btc", "kraken-1", "BTCUSDT-PERP"
"""A market that never closes, so that it is traded whenever this runs."""
BARS = SHARED / "spy-1998-2021.bars-1h.csv.gz"
RIGHT = """\
apiVersion: trading.fintech.io/v1
kind: TradingEngine
metadata:
  name: quant-btc
spec:
  strategy:
    type: momentum
    riskLimit: "0.1%"
    maxPositionSize: "10k"
    targetPosition: "500"
    frequency: medium
    account: kraken-1
    instruments: [BTCUSDT-PERP]
    parameters: {fast_s: 1, slow_s: 5, enter: 0.9, exit: 0.1, warmup_ticks: 2}
  markets: [CRYPTO]
  latency:
    targetLatency: "10ms"
  riskControls:
    stopLoss: {enabled: true, threshold: "20.0%", timeWindow: "1m"}
    drawdownLimit: {enabled: true, maxDrawdown: "50.0%", lookbackPeriod: "1d"}
  compliance:
    regulations: [SOX]
    auditLog: true
    realTimeMonitoring: true
  alerts:
    - name: Orders do not fill
      condition: "tradingStats.successRate < 0.5"
      severity: warning
"""
WRONG = RIGHT.replace('"0.1%"', '"a little"').replace("medium", "sometimes")
MONTH = """
INSERT INTO trading_paperday
  (name, day, digest, counts, why, orders, pnl, high, low, drawdown, capital, judged_at)
SELECT 'quant-btc', now()::date - n, %s, true, '', 5, 1, 2, -1, 3, 5000, now()
FROM generate_series(2, 31) AS n
"""
JUDGED = """
import datetime as dt
from trading.gates.paper import paper_days_record
print(len(paper_days_record(now=dt.datetime.now(dt.UTC) + dt.timedelta(days=1))))
"""
HOSTED = "SELECT 1 FROM riskctl_lease WHERE name = %s AND expires_at > now()"
ASK = """async ([method, path, body]) => {
  const token = document.querySelector('[name=csrfmiddlewaretoken]').value;
  const headers = {'X-CSRFToken': token, 'Content-Type': 'application/json'};
  const answer = await fetch(path, {method, headers, body: body && JSON.stringify(body)});
  return [answer.status, await answer.text()];
}"""


@dataclass
class Quant:
    """``people`` by role, signed in, each at the engine's page or at none."""

    story: Story
    storage: Path
    documents: Path
    people: dict[str, Visitor]

    @property
    def desk(self) -> Desk:
        return self.story.desk

    def shell(self, *words: str) -> Said:
        return haltline(self.desk.home, *words, cwd=str(self.documents), hangs_s=120)

    def ask(self, who: str, method: str, path: str, **body: Any) -> Any:
        """What the API answers to somebody signed in. Raises AssertionError when it refuses."""
        page = self.people[who]
        if page.evaluate("location.pathname") != "/approvals":
            self.story.go(page, "/approvals")
        status, text = page.evaluate(ASK, [method, path, body or None])
        assert status in (200, 201, 202), (who, path, status, text)
        return json.loads(text)

    def agreed(self, request: dict[str, Any], who: str) -> None:
        path = f"/api/approvals/{request['id']}/approve"
        done = self.ask(who, "POST", path, digest=request["digest"], reason="agreed")
        assert done["status"] == "executed", done

    def up(self, to: str) -> None:
        """One rung, by two people, once its conditions are met."""
        said = self.ask(
            "trader", "POST", f"/api/strategies/{NAME}/stage", to=to, reason="as measured"
        )
        self.agreed(said, "risk")

    def rung(self) -> str:
        return str(self.desk.sql("SELECT rung FROM riskctl_stage WHERE strategy = %s", NAME)[0][0])

    def owner(self, sql: str, *values: Any) -> None:
        with psycopg.connect(self.desk.owner_url, autocommit=True) as own:
            own.execute("SET session_replication_role = replica")
            own.execute(sql.encode(), values)

    def stood(self, minutes: int) -> None:
        self.owner(
            "UPDATE riskctl_stage SET since = since - %s * interval '1 minute' WHERE strategy = %s",
            minutes, NAME,
        )  # fmt: skip

    def fills(self, account: str) -> int:
        sql = "SELECT count(*) FROM trading_fill WHERE strategy_id = %s AND account_id = %s"
        return int(self.desk.sql(sql, NAME, account)[0][0])

    def at_venue(self, sql: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(f"file:{self.storage}?mode=ro", uri=True)) as file:
            return file.execute(sql, (ACCOUNT,)).fetchall()

    def gates(self) -> dict[str, bool]:
        said = self.ask("trader", "GET", f"/api/engines/{NAME}/gates")
        return {one["name"]: one["met"] for one in said["gates"]}


@pytest.fixture
def quant(tmp_path: Path) -> Iterator[Quant]:
    storage, port, keys = tmp_path / "kraken.sqlite3", free_port(), tmp_path / "keys.json"
    keys.write_text(json.dumps({ACCOUNT: {"key": f"key-of-{ACCOUNT}",
                                          "secret": secret_of(ACCOUNT)}}))  # fmt: skip
    with running_desk(tmp_path / "home", FEED="simulated") as desk, Chromium() as chromium:
        standin = start_python(
            "-m", "tests.krakenfutures", "--port", str(port), "--storage", str(storage),
            "--credentials", str(keys), "--redis-url", desk.environment["REDIS_URL"],
            env=os.environ,
        )  # fmt: skip
        try:
            account_made_known(desk, f"127.0.0.1:{port}")
            desk.wait_for(lambda: desk.sql(HOSTED, f"gateway:{ACCOUNT}"), 60, "hosted")
            story = Story(desk, chromium, desk.url.replace("127.0.0.1", "localhost"))
            people = {
                "trader": demo(story, "mercy.okafor"), "risk": demo(story, "ada.nwosu"),
                "second": demo(story, "lena.fischer"), "compliance": demo(story, "ruth.adeyemi"),
            }  # fmt: skip
            yield Quant(story, storage, tmp_path, people)
        finally:
            standin.send_signal(signal.SIGKILL)
            standin.wait(20)


def account_made_known(desk: Desk, address: str) -> None:
    words = [
        ACCOUNT, "--exchange", "krakenfutures", "--venue", "Kraken Futures", "--address", address,
        "--symbols", "BTCUSDT-PERP=PF_XBTUSD", "--rehearsal", "rehearsal", "--live",
    ]  # fmt: skip
    subprocess.run(
        [sys.executable, "manage.py", "venue_account", *words], cwd=PROJECT, check=True,
        env=desk.environment, input=f"key-of-{ACCOUNT}\n{secret_of(ACCOUNT)}\n".encode(),
        capture_output=True,
    )  # fmt: skip


def test_from_a_document_to_real_money_and_back(quant: Quant) -> None:
    the_account_has_limits(quant)
    is_told_what_is_wrong(quant)
    backtests_it(quant)
    brings_it_in_by_two(quant)
    climbs_to_paper(quant)
    rehearses_a_kill(quant)
    passes_the_gates(quant)
    trades_real_money(quant)
    stops_and_everything_is_accounted_for(quant)
    for page in quant.people.values():
        assert page.complaints == []


def the_account_has_limits(quant: Quant) -> None:
    for kind, value in (("gross-notional", "1000000"), ("order-rate", "50")):
        request = quant.ask(
            "risk", "POST", "/api/approvals", kind="limit-raise", request={"value": value},
            subject=f"limit:account:{ACCOUNT}/{kind}", reason="a new account",
        )  # fmt: skip
        quant.agreed(request, "second")


def is_told_what_is_wrong(quant: Quant) -> None:
    (quant.documents / "wrong.yaml").write_text(WRONG)
    said = quant.shell("risk-validator", "--config", "wrong.yaml", "--mode", "strict")
    assert said.code == 4
    for words in ("wrong.yaml:8: error: spec.strategy.riskLimit", "wrong.yaml:11: error:"):
        assert words in said.out, said.out
    (quant.documents / "right.yaml").write_text(RIGHT)
    said = quant.shell("risk-validator", "--config", "right.yaml", "--mode", "strict")
    assert said.code == 0, said


def backtests_it(quant: Quant) -> None:
    two_years(quant.documents / "quotes.csv")
    said = quant.shell(
        "backtest", "--config", "right.yaml", "--data", "quotes.csv", "--report", "report"
    )
    assert said.code == 0, said
    report = (quant.documents / "report" / "report.html").read_text()
    assert report.count("<svg") >= 2, "equity and drawdown"


def two_years(path: Path) -> None:
    """Real prices of a fund by the name of what is traded here, for there are no two years of it;
    those of a day a second apart, so that what thinks in seconds has something to think about."""
    lines, days = ["ts,symbol,bid,ask,bid_size,ask_size"], Counter[str]()
    with gzip.open(BARS, "rt") as bars:
        for one in csv.DictReader(bars):
            day = one["ts"][:10]
            if "2018-01-01" <= day < "2020-01-10" and days[day] < 9:
                for price in (Decimal(one["open"]), Decimal(one["close"])):
                    bid, at = price.quantize(Decimal("0.1")), days[day]
                    lines.append(f"{day}T15:00:{at:02}Z,{SYMBOL},{bid},{bid + Decimal('0.1')},8,8")
                    days[day] += 1
    path.write_text("\n".join(lines) + "\n")


def brings_it_in_by_two(quant: Quant) -> None:
    quant.ask("trader", "POST", "/api/engines", config=RIGHT, reason="tested over two years")
    (request,) = quant.ask("risk", "GET", "/api/approvals?status=pending")
    quant.agreed(request, "risk")
    assert quant.gates() == {
        "document": True, "backtest": True, "paper trading": False, "risk approval": False,
        "compliance sign-off": False, "drill and readiness": False,
    }  # fmt: skip
    page = quant.people["trader"]
    quant.story.go(page, f"/engines/{NAME}")
    there(page, "#report figure.plot svg >> nth=1")


def climbs_to_paper(quant: Quant) -> None:
    quant.up("monitor")
    quant.stood(6)
    signalled = "SELECT 1 FROM trading_signal WHERE strategy_id = %s"
    quant.desk.wait_for(lambda: quant.desk.sql(signalled, NAME), 60, "signalled")
    quant.up("paper")
    quant.desk.wait_for(lambda: quant.fills("rehearsal"), 60, "filled on paper")
    assert quant.at_venue("SELECT 1 FROM orders WHERE account = ?") == []


def rehearses_a_kill(quant: Quant) -> None:
    """Of the rehearsal account, by a shell; recorded, lifted by two."""
    said = quant.shell("kill", "--scope", "venue:rehearsal", "--reason", "drill", "-o", "json")
    assert said.code == 0, said
    hold = said.json["hold"]["id"]
    agreed = (
        "SELECT agrees FROM trading_reconciliation r, riskctl_receiptstep s WHERE s.hold = %s"
        " AND s.name = 'none-open' AND r.account_id = 'rehearsal' AND r.at > s.happened_at"
    )
    quant.desk.wait_for(lambda: quant.desk.sql(agreed, hold), 60, "reconciled")
    quant.ask("risk", "POST", "/api/drills", hold=hold, reason="of the quarter")
    request = quant.ask(
        "risk", "POST", f"/api/holds/{hold}/lift", reason="it was a drill", root_cause="a drill",
        rollback="nothing to go back to",
    )  # fmt: skip
    quant.agreed(request, "second")


def passes_the_gates(quant: Quant) -> None:
    """Today is judged like every day; it was made and came to paper on it, and 30 others count."""
    judged = subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports", "-v", "0", "-c", JUDGED],
        cwd=PROJECT, check=True, env=quant.desk.environment, capture_output=True, text=True,
    )  # fmt: skip
    assert judged.stdout.strip() == "1", judged
    gates = quant.ask("trader", "GET", f"/api/engines/{NAME}/gates")
    quant.owner(MONTH, gates["digest"])
    for who, gate in (("second", "risk"), ("compliance", "compliance")):
        page = quant.people[who]
        quant.story.go(page, f"/engines/{NAME}")
        fill(page, **{f"sign-{gate}": "report and thirty days on paper"})
        if gate == "risk":
            clicked(page, "[name=accepts_latency]")
        clicked(page, f"form:has(#sign-{gate}) button")
        there(page, f".side-holds >> text={'Risk' if gate == 'risk' else 'Compliance'}")
    assert all(quant.gates().values()), quant.gates()


def clicked(page: Visitor, selector: str) -> None:
    page.do(lambda at: at.locator(selector).click())


def trades_real_money(quant: Quant) -> None:
    back_on_paper(quant)
    quant.up("ramp")
    assert quant.rung() == "ramp"
    quant.desk.wait_for(lambda: quant.fills(ACCOUNT), 60, "filled at the exchange")
    quant.stood(31)
    quant.up("live")
    assert quant.rung() == "live"


def back_on_paper(quant: Quant) -> None:
    """A kill brings down what stood under it; it climbs again."""
    if quant.rung() != "paper":
        quant.stood(6)
        quant.up("paper")
    quant.desk.wait_for(lambda: quant.fills("rehearsal"), 60, "filled on paper")
    quant.stood(16)


def stops_and_everything_is_accounted_for(quant: Quant) -> None:
    said = quant.shell("flatten", "--scope", SCOPE, "--yes", "--reason", "enough", "-o", "json")
    assert said.code in (0, 3), said
    held = "SELECT 1 FROM trading_position WHERE strategy_id = %s AND account_id = %s AND"
    quant.desk.wait_for(
        lambda: not quant.desk.sql(f"{held} quantity <> 0", NAME, ACCOUNT), 60, "flat"
    )
    final = "('denied', 'rejected', 'filled', 'cancelled', 'expired')"
    opened = f"SELECT 1 FROM trading_order WHERE account_id = %s AND state NOT IN {final}"
    quant.desk.wait_for(lambda: not quant.desk.sql(opened, ACCOUNT), 60, "every order final")
    ours = quant.desk.sql(
        "SELECT symbol, side, sum(quantity), sum(quantity * price) FROM trading_fill"
        " WHERE account_id = %s GROUP BY 1, 2 ORDER BY 1, 2",
        ACCOUNT,
    )
    assert [one[:2] for one in ours] == [(SYMBOL, "buy"), (SYMBOL, "sell")]
    assert ours[0][2] == ours[1][2]
    assert (
        Decimal(len(quant.at_venue("SELECT 1 FROM fills WHERE account = ?")))
        == quant.desk.sql("SELECT count(*) FROM trading_fill WHERE account_id = %s", ACCOUNT)[0][0]
    )
    report = quant.ask("risk", "POST", "/api/reconcile/generate-report", account=ACCOUNT)
    assert report, report
    assert quant.shell("status").code == 0
