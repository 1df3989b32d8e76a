"""A market maker's step: the quotes wanted by the prices now, and the intents for them. Pure."""

from dataclasses import dataclass

from trading.clock import NS
from trading.messages import Intent
from trading.sessions import Sessions
from trading.strategies.intents import IntentMaker
from trading.strategies.market_making import Wanted, quotes_for
from trading.strategies.quoter import Quoter
from trading.strategies.sizing import Quote, lots_for
from trading.strategies.terms import Terms


@dataclass(frozen=True, slots=True)
class Seen:
    """The market of one quoter now. ``quote`` None: there was none; ``deviation`` of the mid."""

    quote: Quote | None
    deviation: float
    warm: bool
    clock_ns: int
    now_ns: int


class Quoting:
    """Steps of all quoters of a shard."""

    def __init__(self, maker: IntentMaker, sessions: Sessions) -> None:
        self._maker = maker
        self._sessions = sessions

    def wanted(self, slot: Quoter, seen: Seen, terms: Terms) -> list[Wanted]:
        """None outside the session, before it is warm, and on a price that is old or cannot be."""
        quote = seen.quote
        if quote is None or not seen.warm or quote.mid <= 0:
            return []
        old = seen.clock_ns - quote.time > slot.parameters.fresh_s * NS
        if old or not self._sessions.open(slot.instrument.market, seen.clock_ns):
            return []
        most = lots_for(terms.size_notional, quote.mid, slot.instrument)
        return quotes_for(
            slot.parameters,
            slot.instrument,
            quote,
            seen.deviation,
            position=slot.position,
            most=most,
        )

    def step(self, slot: Quoter, seen: Seen, wanted: list[Wanted]) -> list[Intent]:
        """Quotes to take back, then quotes to make."""
        back, make = slot.look(wanted, seen.clock_ns, seen.now_ns)
        reason = "the quote moved" if wanted else "no quote is wanted"
        found: list[Intent] = [
            self._maker.cancel(slot.strategy, slot.account, name, reason) for name in back
        ]
        if seen.quote is None:
            return found
        for one in make:
            intent = self._maker.quote(slot, one, seen.quote, seen.now_ns)
            slot.sent(intent.intent_id, one, seen.clock_ns, seen.now_ns)
            found.append(intent)
        return found
