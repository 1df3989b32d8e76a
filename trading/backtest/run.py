"""One backtest from a document and files to its figures, and the digest that binds them.

The same document, data, costs and code give the same orders, figures and digest, every time.
"""

import datetime as dt
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from decimal import ROUND_FLOOR, Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

from audit.canonical import canonical_bytes
from riskctl.rules import (
    FIRM,
    GROSS_NOTIONAL,
    OPEN_ORDERS,
    ORDER_NOTIONAL,
    ORDER_RATE,
    POSITION_NOTIONAL,
    PRICE_COLLAR,
    account_scope,
    strategy_scope,
)
from trading.backtest.data import DataError, Recorded, load, symbols_in
from trading.backtest.figures import Figures, figures_of
from trading.backtest.path import Limits, Played, Progress, play
from trading.calendars import COMPILED
from trading.engines.problems import EngineInvalidError, error
from trading.engines.reading import EngineConfig, digest_of
from trading.engines.schema import RATES
from trading.engines.sizes import size_for
from trading.gateway.effects import OrderRow
from trading.strategies.specs import StrategySpec

ACCOUNT = "backtest"
_CENT = Decimal("0.01")
_ROOT = Path(__file__).resolve().parents[2]
_CODE = ("trading", "riskctl")


@dataclass(frozen=True, slots=True)
class Assumed:
    """What a backtest takes for granted. ``book``: the firm's gross limit, USD, of which the
    document's riskLimit is a share; ``spread_bp`` is that of bars, which have none."""

    book: Decimal = Decimal(5_000_000)
    spread_bp: Decimal = Decimal(1)
    slippage_bp: Decimal = Decimal("0.5")


@dataclass(frozen=True, slots=True)
class Backtest:
    """``bound``: all that it rests on; ``digest``: SHA-256 of that. ``orders``: of every order."""

    config: EngineConfig
    figures: Figures
    bound: dict[str, Any]
    digest: str
    orders: str
    steps: int


def backtest(
    config: EngineConfig,
    paths: Sequence[Path],
    *,
    since: dt.date | None = None,
    until: dt.date | None = None,
    assumed: Assumed = Assumed(),
    progress: Progress = lambda done, whole: None,
) -> Backtest:
    """``since`` and ``until``: days (UTC), the second excluded.

    Raises EngineInvalidError, trading.backtest.data.DataError.
    """
    spec, limits = setting_of(config, assumed)
    recorded = load(paths, spread_bp=assumed.spread_bp, since_ns=_ns(since), until_ns=_ns(until))
    _check_quoted(config, recorded)
    played = play([spec], limits, recorded, progress=progress)
    _check_accepted(played)
    capital = limits[strategy_scope(config.name), GROSS_NOTIONAL]
    figures = figures_of(played, capital=capital, slippage_bp=assumed.slippage_bp)
    bound = {
        "engine": config.name,
        "config": digest_of(config.document),
        "data": [asdict(one) for one in recorded.files],
        "from": since.isoformat() if since else "",
        "to": until.isoformat() if until else "",
        "assumed": asdict(assumed),
        "code": code_digest(),
    }
    return Backtest(
        config, figures, bound, hashlib.sha256(canonical_bytes(bound)).hexdigest(),
        fingerprint(played.result.orders), played.steps,
    )  # fmt: skip


def setting_of(config: EngineConfig, assumed: Assumed) -> tuple[StrategySpec, Limits]:
    """The strategy and the limits that the document has on a firm of ``book``.

    Raises EngineInvalidError.
    """
    if config.read is None:
        raise _refused(config, "type", f"{config.kind} is not run by this desk")
    if not config.instruments:
        raise _refused(config, "instruments", "is missing: name what it trades")
    if not config.risk_limit:
        raise _refused(config, "riskLimit", "is 0%, a stop: there is nothing to test")
    account = config.account or ACCOUNT
    gross = (config.risk_limit * assumed.book).quantize(_CENT, ROUND_FLOOR)
    order = max(config.max_position, gross) * 2
    size = size_for(config, gross, order, len(config.instruments))
    spec = StrategySpec(
        key=config.name, kind=config.kind, account=account, symbols=config.instruments,
        parameters=config.read, size_notional=size,
    )  # fmt: skip
    own, theirs = strategy_scope(config.name), account_scope(account)
    limits = {
        (FIRM, GROSS_NOTIONAL): assumed.book, (FIRM, ORDER_NOTIONAL): order,
        (FIRM, PRICE_COLLAR): Decimal(200), (theirs, GROSS_NOTIONAL): assumed.book,
        (theirs, ORDER_RATE): Decimal(100), (own, GROSS_NOTIONAL): gross,
        (own, POSITION_NOTIONAL): config.max_position, (own, ORDER_NOTIONAL): order,
        (own, ORDER_RATE): RATES[config.frequency], (own, OPEN_ORDERS): Decimal(20),
    }  # fmt: skip
    return spec, limits


def fingerprint(rows: Iterable[OrderRow]) -> str:
    """SHA-256 of every move of every order, in order."""
    digest = hashlib.sha256()
    for row in rows:
        one = row.order
        digest.update(
            f"{one.client_order_id} {row.event} {one.side} {one.symbol} {one.quantity:f}"
            f" {one.limit_price} {one.filled:f} {one.filled_value:f} {one.tick_time_ns}\n".encode()
        )
    return digest.hexdigest()


@lru_cache(maxsize=1)
def code_digest() -> str:
    """SHA-256 of the sources that a backtest runs through: of trading and riskctl, all of them, and
    the hours of exchanges."""
    digest = hashlib.sha256()
    sources = [path for room in _CODE for path in sorted((_ROOT / room).rglob("*.py"))]
    for path in (*sources, COMPILED):
        digest.update(f"{path.relative_to(_ROOT)}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _check_quoted(config: EngineConfig, recorded: Recorded) -> None:
    quoted = set(symbols_in(recorded.rows))
    missing = [one for one in config.instruments if one not in quoted]
    if missing:
        there = ", ".join(sorted(quoted))
        raise DataError(f"no quote of {', '.join(missing)} in the data: it has {there}")


def _check_accepted(played: Played) -> None:
    if len(played.ticks):
        return
    reasons = ", ".join(f"{count:,} {name}" for name, count in sorted(played.refused.items()))
    raise DataError(f"every quote was refused: {reasons}")


def _ns(day: dt.date | None) -> int | None:
    return None if day is None else (day - dt.date(1970, 1, 1)).days * 86_400 * 10**9


def _refused(config: EngineConfig, name: str, text: str) -> EngineInvalidError:
    path = f"spec.strategy.{name}"
    return EngineInvalidError([error(config.line_of(path), path, text)])
