"""What a document would have in force, beside what is: one line a setting, and which way it goes.

A strategy's limits and size are where they always were (riskctl.models.Limit, trading.models.
Strategy); a document says what they shall be. Nothing here changes anything.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from enum import StrEnum

from riskctl.approvals.asked import exact
from riskctl.models import Approval, Limit
from riskctl.rules import (
    FIRM,
    GROSS_NOTIONAL,
    OPEN_ORDERS,
    ORDER_NOTIONAL,
    ORDER_RATE,
    POSITION_NOTIONAL,
    strategy_scope,
)
from trading.engines.bounds import DRAWDOWN_FIELD, LOSS_FIELD, enabled, shown_bound, stricter
from trading.engines.controls import stops_in_force
from trading.engines.problems import EngineInvalidError, error
from trading.engines.reading import EngineConfig
from trading.engines.schema import RATES
from trading.engines.sizes import size_for
from trading.models import Position, Strategy, VenueAccount

SIZE, KIND, ACCOUNT, SYMBOLS, PARAMETERS = "size", "type", "account", "instruments", "parameters"
SECOND = "secondAccount"
STOP_LOSS, DRAWDOWN = "stop-loss", "drawdown-limit"
LIMITS = (GROSS_NOTIONAL, POSITION_NOTIONAL, ORDER_NOTIONAL, ORDER_RATE, OPEN_ORDERS)
OPEN_AT_FIRST = Decimal(20)
_CENT = Decimal("0.01")
_PATHS = {
    GROSS_NOTIONAL: "riskLimit", POSITION_NOTIONAL: "maxPositionSize", ORDER_RATE: "frequency",
    SIZE: "targetPosition", ORDER_NOTIONAL: "targetPosition", OPEN_ORDERS: "frequency",
}  # fmt: skip


class Way(StrEnum):
    """Lowering is done at once by one person; whatever is not plainly that takes two."""

    SAME = "same"
    LOWER = "lower"
    RAISE = "raise"


@dataclass(frozen=True, slots=True)
class Setting:
    """``name``: a limit's kind, or size, type, account, instruments, parameters, stop-loss,
    drawdown-limit; ``field``: what of the document says it. ``now`` is None where there is none
    yet."""

    name: str
    field: str
    now: str | None
    wanted: str
    way: Way

    def body(self) -> dict[str, str | None]:
        return {
            "name": self.name, "field": self.field, "now": self.now, "wanted": self.wanted,
            "way": str(self.way),
        }  # fmt: skip


def settings_of(config: EngineConfig, *, deciding: Approval | None = None) -> list[Setting]:
    """``deciding``: the request that is being carried out.

    Raises EngineInvalidError where the desk has no place for it, db.Error.
    """
    row = Strategy.objects.filter(key=config.name).first()
    limits = _limits(config.name)
    _check_fits(config, row, limits)
    found = [*_places(config, row), *(_controls(config, deciding) if row else ())]
    symbols = len(config.instruments or (row.symbols if row else ()))
    return found + list(_figures(config, row, limits, symbols))


def _limits(key: str) -> dict[tuple[str, str], Decimal]:
    rows = Limit.objects.filter(scope__in=[FIRM, strategy_scope(key)])
    return {(one.scope, one.kind): one.value for one in rows}


def _check_fits(
    config: EngineConfig, row: Strategy | None, limits: Mapping[tuple[str, str], Decimal]
) -> None:
    found = [("type", f"{config.kind} is not run by this desk")] if config.read is None else []
    found += [
        (_PATHS[kind], f"the firm's {kind} limit is not set: set it first")
        for kind in (GROSS_NOTIONAL, ORDER_NOTIONAL)
        if (FIRM, kind) not in limits
    ]
    found += _unfit_new(config) if row is None else _unfit(config, row)
    if found:
        paths = [(f"spec.strategy.{name}", text) for name, text in found]
        raise EngineInvalidError(error(config.line_of(path), path, text) for path, text in paths)


def _unfit_new(config: EngineConfig) -> Iterator[tuple[str, str]]:
    """Why a strategy cannot be made of it: field and reason."""
    accounts = list(VenueAccount.objects.order_by("name").values_list("name", flat=True))
    if not config.account:
        yield "account", "is missing: a new strategy needs it"
    elif config.account not in accounts:
        yield "account", f"there is no account {config.account}; there are {', '.join(accounts)}"
    if config.second_account and config.second_account not in accounts:
        text = f"there is no account {config.second_account}; there are {', '.join(accounts)}"
        yield "secondAccount", text
    if not config.instruments:
        yield "instruments", "is missing: a new strategy needs it"
    if config.risk_limit == 0:
        yield "riskLimit", "must be above 0% for a strategy that is not there yet"


def _unfit(config: EngineConfig, row: Strategy) -> Iterator[tuple[str, str]]:
    """Why the strategy that is there cannot become it."""
    other = "give another metadata.name to a new strategy"
    if row.kind != config.kind:
        yield "type", f"{config.name} is {row.kind}: {other}"
    if config.account and row.account_id != config.account:
        yield "account", f"{config.name} trades on {row.account_id}: {other}"
    if config.second_account and row.second_account_id != config.second_account:
        where = row.second_account_id or row.account_id
        yield "secondAccount", f"the second leg of {config.name} trades on {where}: {other}"
    if config.instruments:
        dropped = sorted(set(row.symbols) - set(config.instruments))
        held = Position.objects.filter(strategy=row, symbol__in=dropped).exclude(quantity=0)
        for symbol in held.values_list("symbol", flat=True):
            yield "instruments", f"{symbol} is held: close it before it is left out"


def _places(config: EngineConfig, row: Strategy | None) -> Iterator[Setting]:
    """What it is and where it trades. None of it lowers."""
    said = [
        (KIND, row.kind if row else None, config.kind),
        (ACCOUNT, row.account_id if row else None, config.account),
        (SECOND, row.second_account_id if row else None, config.second_account),
        (SYMBOLS, ", ".join(row.symbols) if row else None, ", ".join(config.instruments)),
    ]
    for name, now, wanted in said:
        if wanted:
            way = Way.SAME if now == wanted else Way.RAISE
            yield Setting(name, f"spec.strategy.{name}", now, wanted, way)
    if "spec.strategy.parameters" in config.lines or row is None:
        given = shown_parameters(config.parameters)
        now = None if row is None else shown_parameters(row.parameters)
        way = Way.SAME if now == given else Way.RAISE
        yield Setting(PARAMETERS, "spec.strategy.parameters", now, given, way)


def shown_parameters(given: Mapping[str, float]) -> str:
    """``enter 0.9, fast_s 3``, each in full; ``defaults`` where none is given."""
    said = ((name, repr(float(value)).removesuffix(".0")) for name, value in sorted(given.items()))
    return ", ".join(f"{name} {value}" for name, value in said) or "defaults"


def _controls(config: EngineConfig, deciding: Approval | None) -> Iterator[Setting]:
    """Those it loosens. What it tightens is in force once its version is kept."""
    now = stops_in_force(config.name, deciding=deciding).get(config.name)
    if now is None:
        return
    for name, field, before, wanted in (
        (STOP_LOSS, LOSS_FIELD, now.loss, enabled(config.stop_loss)),
        (DRAWDOWN, DRAWDOWN_FIELD, now.drawdown, enabled(config.drawdown)),
    ):
        unread = field in dict(now.unread)  # no way to tell that it is not the stricter one
        if unread or stricter(before, wanted) != wanted:
            path = f"spec.riskControls.{field}"
            said = "unreadable" if unread else shown_bound(before)
            yield Setting(name, path, said, shown_bound(wanted), Way.RAISE)


def _figures(
    config: EngineConfig,
    row: Strategy | None,
    limits: Mapping[tuple[str, str], Decimal],
    symbols: int,
) -> Iterator[Setting]:
    """Limits and size. A riskLimit of 0% is a hold: it moves none of what rests on it."""
    scope = strategy_scope(config.name)
    now = {kind: limits.get((scope, kind)) for kind in LIMITS}
    wanted = {POSITION_NOTIONAL: config.max_position, ORDER_RATE: RATES[config.frequency]}
    if config.risk_limit:
        gross = (config.risk_limit * limits[FIRM, GROSS_NOTIONAL]).quantize(_CENT, ROUND_FLOOR)
        wanted[GROSS_NOTIONAL] = gross
        size = size_for(config, gross, limits[FIRM, ORDER_NOTIONAL], symbols)
        before = None if row is None else Decimal(row.size_notional)
        yield _figure(SIZE, before, size)
        if (now[ORDER_NOTIONAL] or 0) < size * 2:  # one order must be able to turn it over
            wanted[ORDER_NOTIONAL] = size * 2
    if now[OPEN_ORDERS] is None:
        wanted[OPEN_ORDERS] = OPEN_AT_FIRST
    for kind, value in wanted.items():
        yield _figure(kind, now[kind], value)


def _figure(name: str, now: Decimal | None, wanted: Decimal) -> Setting:
    """A limit that is not set yet opens when it is."""
    way = (
        Way.SAME if now == wanted else Way.LOWER if now is not None and wanted < now else Way.RAISE
    )
    before = None if now is None else exact(now)
    return Setting(name, f"spec.strategy.{_PATHS[name]}", before, exact(wanted), way)
