"""Writes the signals of a shard's strategies. Pure; host times come from the clocks passed in."""

from collections.abc import Callable

from trading.strategies.kernel import Change, confidence_of
from trading.strategies.sizing import Quote
from trading.strategies.specs import Clocks, SignalMade
from trading.strategies.stack import Member


class SignalMaker:
    """Gives each signal its name and times."""

    def __init__(self, ids: Callable[[], str], clocks: Clocks) -> None:
        self._ids = ids
        self._clocks = clocks

    def of_change(self, member: Member, symbol: str, change: Change, quote: Quote) -> SignalMade:
        """A kernel's change of mind on ``quote``, published at its boot time."""
        return self._made(member, symbol, quote, change.direction, change.score, change.confidence)

    def of_score(
        self, member: Member, symbol: str, quote: Quote, *, direction: int, score: float
    ) -> SignalMade:
        """A change of direction, or none, sure by how far ``score`` lies from none."""
        sure = confidence_of(score, direction, forced=False)
        return self._made(member, symbol, quote, direction, score, sure)

    def _made(  # noqa: PLR0917
        self, member: Member, symbol: str, quote: Quote, direction: int, score: float, sure: float
    ) -> SignalMade:
        return SignalMade(
            id=self._ids(),
            strategy=member.spec.key,
            symbol=symbol,
            direction=direction,
            score=score,
            confidence=sure,
            horizon_s=member.horizon_s,
            price=quote.mid,
            spread=quote.ask - quote.bid,
            feed_time=quote.time,
            created_wall=self._clocks.wall_ns(),
            latency_ns=max(0, self._clocks.boot_ns() - quote.boot),
        )
