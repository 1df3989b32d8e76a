"""Stop-loss and drawdown limit of a TradingEngine document: how much of them is used. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal

from riskctl.triggers.evaluate import Reading
from riskctl.triggers.specs import DOCUMENT_DRAWDOWN, DOCUMENT_LOSS
from trading.clock import NS
from trading.engines.bounds import DRAWDOWN_FIELD, LOSS_FIELD, Stops
from trading.engines.reading import Bound
from trading.engines.units import shown_percent

_GRAIN = Decimal("0.01")
_BREACH = Decimal(100)
_MOST = Decimal(100_000)
"""Of a threshold of nothing everything is beyond."""


@dataclass(frozen=True, slots=True)
class Documents:
    """``newest`` grows with every version and every agreement to one; 0 before any."""

    newest: int = 0
    stops: Mapping[str, Stops] | None = None

    def of(self, strategy: str) -> Stops | None:
        return (self.stops or {}).get(strategy)

    @property
    def look_backs(self) -> dict[str, tuple[Decimal, Decimal]]:
        """Seconds that each strategy's stop-loss and drawdown limit look back; 0 without one."""
        return {
            key: (_seconds(one.loss), _seconds(one.drawdown))
            for key, one in (self.stops or {}).items()
        }

    @property
    def look_back_s(self) -> int:
        """The longest look-back of any drawdown limit."""
        return max((int(drawdown_s) for _, drawdown_s in self.look_backs.values()), default=0)


def _seconds(bound: Bound | None) -> Decimal:
    return bound.seconds if bound is not None else Decimal(0)


def window_ns(bound: Bound) -> int:
    return int(bound.seconds * NS)


def used(measured: Decimal, bound: Bound) -> Decimal:
    """``measured``, a share, in percent of the threshold; rounded down: none fires early."""
    if bound.share == 0:
        return _MOST if measured > 0 else Decimal(0)
    return min(measured / bound.share * 100, _MOST).quantize(_GRAIN, ROUND_FLOOR)


def said(strategy: str, stops: Stops, field: str, measured: Decimal, bound: Bound) -> str:
    """``TradingEngine mom-fx version 3 riskControls.stopLoss.threshold: 2% in 60 s, at most 1%``"""
    share = shown_percent(measured.quantize(Decimal("0.0001"), ROUND_FLOOR))
    return (
        f"TradingEngine {strategy} version {stops.version} riskControls.{field}: {share} in"
        f" {bound.seconds.normalize():f} s, at most {shown_percent(bound.share)}"
    )


def closed(scope: str, stops: Stops, readings: Iterable[Reading], at_ns: int) -> Iterator[Reading]:
    """``readings`` of a strategy's stops; unknown where some version says what nobody can read,
    unless what can be read is a breach already."""
    found, unread = {one.trigger: one for one in readings}, dict(stops.unread)
    for name, field in ((DOCUMENT_LOSS, LOSS_FIELD), (DOCUMENT_DRAWDOWN, DRAWDOWN_FIELD)):
        one = found.get(name)
        breached = one is not None and one.value is not None and one.value >= _BREACH
        if field in unread and not breached:
            key = scope.removeprefix("strategy:")
            detail = (
                f"TradingEngine {key} version {unread[field]} riskControls.{field} is unreadable"
            )
            one = Reading(name, scope, None, at_ns, detail)
        if one is not None:
            yield one
