"""The desk of tests.resume, its first strategy on a real account, and evidence for its gates."""

import datetime as dt
import json
import uuid
from typing import Any

from django.db import connection
from django.db.models import Max

from audit.record import INSERT_SQL, entry_row
from riskctl.actors import Actor
from riskctl.approvals import approval_approve
from riskctl.holds import Kind
from riskctl.ladder import stage_promote_request
from riskctl.models import Approval, Hold, Limit, ReceiptStep, Stage
from tests.approvals.people import COLIN, IVAN, MERCY, RUTH, SANA, hold
from tests.engines.documents import BOUND, document
from tests.resume.desk import RestartDesk, now
from trading.engines.reading import read_engine
from trading.gates.drills import drill_record
from trading.gates.service import sign_off
from trading.gates.standing import Gates, gates_read
from trading.gates.trades import trades_digest
from trading.models import (
    BacktestReport,
    Drill,
    EngineVersion,
    PaperDay,
    SignOff,
    Strategy,
    VenueAccount,
)

KEY = "mom-one"
TRADES: dict[str, Any] = {"instruments": ["EURUSD"], "parameters": {"fast_s": 2.0}}
DAY = dt.timedelta(days=1)
TODAY = now().date()


def words(**strategy: Any) -> str:
    return document(KEY, **{**TRADES, "riskLimit": "0.1%", **strategy})


class GateDesk(RestartDesk):
    """``ladder`` puts the strategy on the rung paper, with all that leaving it upwards takes."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.rehearse()
        VenueAccount.objects.filter(name="paper-1").update(live=True)
        self.on("rev-two", "stopped", since_s=86_400)
        self.gross("1000")

    def gross(self, value: str) -> None:
        """Of the firm's 1,000,000."""
        Limit.objects.filter(scope=f"strategy:{KEY}", kind="gross-notional").update(value=value)

    @property
    def strategy_row(self) -> Strategy:
        return Strategy.objects.select_related("account").get(key=KEY)

    def gates(self) -> Gates:
        return gates_read(self.strategy_row, self.said)

    def unmet(self) -> list[str]:
        return [one.name for one in self.gates().conditions if not one.met]

    def version(
        self, text: str = "", *, by: Actor = MERCY, age: dt.timedelta = DAY
    ) -> EngineVersion:
        """A version that somebody made ``age`` ago; the desk is left as it is."""
        config = read_engine(text or words())
        last = EngineVersion.objects.filter(name=KEY).aggregate(last=Max("number"))["last"] or 0
        row: EngineVersion = EngineVersion.objects.create(
            name=KEY, number=last + 1, text=text or words(), document=dict(config.document),
            digest=uuid.uuid4().hex * 2, made_by=by.name, made_at=now() - age,
        )  # fmt: skip
        return row

    def backtest(self, version: EngineVersion, *, days: int = 731, **body: Any) -> BacktestReport:
        given = {"figures": {"fills": 40}, "bound": BOUND, "quoted_days": 504, **body}
        return BacktestReport.objects.create(
            digest=uuid.uuid4().hex * 2, name=KEY, document=version.digest, body=given,
            first_day=TODAY - days * DAY + DAY, last_day=TODAY, made_by="quant",
        )  # fmt: skip

    def paper(self, version: EngineVersion, days: int = 30, **facts: Any) -> None:
        given: dict[str, Any] = {
            "counts": True, "orders": 5, "pnl": 10, "high": 20, "low": -10, "drawdown": 30,
            "capital": 100_000, **facts,
        }  # fmt: skip
        before = PaperDay.objects.filter(name=KEY).count()
        PaperDay.objects.bulk_create(
            PaperDay(
                name=KEY, day=TODAY - (200 - before - at) * DAY, **given,
                digest=trades_digest(read_engine(version.text)),
            )
            for at in range(days)
        )  # fmt: skip

    def sign(self, gate: str, who: Actor, **more: Any) -> SignOff:
        given: dict[str, Any] = {"shown": self.gates().shown, "reason": "looked at it", **more}
        return sign_off(strategy=KEY, gate=gate, actor=who, **given)

    def killed(self, *, names: tuple[str, ...] = ("acknowledged", "effective", "none-open"),
               scope: str = "venue:paper-r", age_s: float = 60.0,
               in_flight: tuple[str, ...] = (), took_s: float = 0.2) -> Hold:  # fmt: skip
        row = hold(Kind.KILL, scope, by=SANA, age_s=age_s)
        at, account = row.placed_at + dt.timedelta(seconds=took_s), scope.partition(":")[2]
        for name in names:
            facts = {"in_flight": list(in_flight)} if name == "effective" else {}
            body = {"hold": str(row.id), "step": name, "facts": facts}
            ReceiptStep.objects.create(
                id=uuid.uuid4(), hold=row.id, name=name, happened_at=at, signature=b"", key_id="k",
                account="" if name == "effective" else account, body=json.dumps(body).encode(),
            )  # fmt: skip
        return row

    def drill(self, **more: Any) -> Drill:
        row = self.killed(**more)
        self.reconcile(row.scope.partition(":")[2], at=row.placed_at + dt.timedelta(seconds=5))
        return drill_record(hold_id=row.id, actor=SANA)

    def ladder(self) -> None:
        self.on(KEY, "paper", since_s=1_000)
        self.fill(KEY, "paper-r")

    def climb(self, to: str = "ramp") -> Approval:
        asked = stage_promote_request(strategy=KEY, to=to, actor=MERCY, reason="measured")
        return approval_approve(approval_id=asked.id, digest=asked.digest, actor=IVAN)

    def rung(self) -> str:
        return Stage.objects.get(strategy=KEY).rung

    def passed(self) -> EngineVersion:
        """Every gate met: reviewed by Ruth and Colin, made by Mercy."""
        version = self.version()
        self.backtest(version)
        self.paper(version)
        self.drill()
        self.sign("risk", RUTH, accepts_latency=True)
        self.sign("compliance", COLIN)
        return version

    def moved(self, at: dt.datetime, to: str) -> None:
        """That it took the rung then, as the record has it."""
        row = entry_row(
            action="stage.enter", actor_kind="person", actor="x", object_kind="strategy",
            object_id=KEY, happened_at=at, after={"rung": to},
        )  # fmt: skip
        with connection.cursor() as cursor:
            cursor.execute(INSERT_SQL, row)
