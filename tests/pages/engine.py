"""A document with evidence of every kind, for the page that shows it."""

import datetime as dt
import uuid
from typing import Any

from riskctl.models import Limit
from tests.console.access.world import actor
from tests.engines.documents import BOUND, document
from trading.engines.reading import read_engine
from trading.engines.versions import version_store
from trading.gates.trades import trades_digest
from trading.models import BacktestReport, PaperDay, VenueAccount

KEY = "mom-eurusd"
DAY = dt.timedelta(days=1)
LIMITS = {"gross-notional": 1_000, "position-notional": 500, "order-notional": 800,
          "order-rate": 5, "open-orders": 20}  # fmt: skip

FIGURES: dict[str, Any] = {
    "fills": 9, "capital": "1000", "pnl": "1234.50", "sharpe": 0.7, "fees": "1", "slippage": "1",
    "turnover": "9", "orders": 9, "denied": 0, "trips": 4, "signals": 9, "quotes": 99,
    "refused": {},
}  # fmt: skip
UNKNOWN = (
    "total_return", "annual_return", "volatility", "max_drawdown", "sortino", "calmar",
    "slippage_bp", "turnover_a_year", "hit_ratio", "fill_rate",
)  # fmt: skip


def engine_laid() -> None:
    """Of mom-eurusd on real money, rehearsed on paper-2: the gates before the sign-offs passed."""
    VenueAccount.objects.filter(name="paper-1").update(live=True, rehearsal="paper-2")
    for kind, value in (("gross-notional", 1_000_000), ("order-notional", 1_000_000)):
        Limit.objects.create(scope="firm", kind=kind, value=value)
    for kind, value in LIMITS.items():
        Limit.objects.create(scope=f"strategy:{KEY}", kind=kind, value=value)
    who, today = actor("mercy.okafor"), dt.datetime.now(dt.UTC).date()
    for risk_limit in ("0.1%", "0.2%"):
        text = document(KEY, instruments=["EURUSD"], riskLimit=risk_limit, maxPositionSize="500",
                        targetPosition="400")  # fmt: skip
        config = read_engine(text)
        version = version_store(config=config, text=text, actor=who, reason="more room")
    first = (today - dt.date(1970, 1, 1)).days - 730
    figures = FIGURES | dict.fromkeys(UNKNOWN)
    BacktestReport.objects.create(
        digest=uuid.uuid4().hex * 2, name=KEY, document=version.digest, made_by="quant",
        first_day=today - 730 * DAY, last_day=today,
        body={"figures": figures, "bound": BOUND, "quoted_days": 504,
              "line": [[first, "1000", 0.0], [first + 365, "900", -0.1],
                       [first + 730, "2234.50", 0.0]]},
    )  # fmt: skip
    PaperDay.objects.bulk_create(
        PaperDay(
            name=KEY, day=today - at * DAY, digest=trades_digest(config), counts=True, orders=5,
            pnl="1.5", high=2, low=0, drawdown="0.5", capital=1_000,
        )
        for at in range(1, 31)
    )  # fmt: skip
