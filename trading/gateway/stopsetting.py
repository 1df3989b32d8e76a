"""Setting stop-losses: what each position is to be protected by, and what became of it in words.

The price is reckoned when it is set; keeping the orders that follow is protecting.py's. Pure.
"""

from collections.abc import Callable
from decimal import Decimal

import msgspec

from riskctl.control import SetStops, StopLine
from riskctl.holds import Mode
from trading.gateway.admission import Now
from trading.gateway.book import ZERO
from trading.gateway.core import GatewayCore
from trading.gateway.stoploss import StopLoss, StopState, stop_price
from trading.messages import Side
from trading.universe import Universe


class StopSetting:
    """Over the stop-losses and the book of a core.

    ``rests``: whether the venue has reduce-only stops. ``step``: what the venue's prices of a
    symbol are multiples of; None: the desk's tick.
    """

    def __init__(
        self, core: GatewayCore, universe: Universe, *, rests: Callable[[], bool],
        step: Callable[[str], Decimal | None],
    ) -> None:  # fmt: skip
        self._core = core
        self._universe = universe
        self._rests = rests
        self._step = step

    def set(self, ask: SetStops, now: Now) -> list[StopLine]:
        """A stop-loss for every open position in the scope; ``upkeep`` sends what follows.

        One that stands is never moved away from the price: what was set protects until it is
        cancelled by name (protective orders too).
        """
        lines = []
        for strategy, symbol in sorted(self._in_scope(ask)):
            found = self._reckoned(ask, strategy, symbol, now)
            stands = self._core.stops.of(strategy, symbol)
            if not isinstance(found, str):
                lines.append(self._taken(ask, found))
            elif stands is not None and stands.live:
                line = msgspec.structs.replace(self._line(stands), why=found, not_as_asked=True)
                lines.append(line)
            else:
                lines.append(self._refused(strategy, symbol, found))
        return lines

    def _taken(self, ask: SetStops, one: StopLoss) -> StopLine:
        if ask.dry_run and self._may_rest(one):
            return self._line(one, "would-rest")
        if ask.dry_run:
            line = self._line(one, "would-watch")
            return msgspec.structs.replace(line, why=self._why_watched(one))
        self._core.stops.put(one)
        return self._line(one)

    def lines(self, ask: SetStops) -> list[StopLine]:
        """What became of every position in the scope by now."""
        found = []
        for strategy, symbol in sorted(self._in_scope(ask)):
            stands = self._core.stops.of(strategy, symbol)
            if stands is not None and (stands.live or stands.id == ask.id):
                found.append(self._line(stands))
        return found

    def _in_scope(self, ask: SetStops) -> list[tuple[str, str]]:
        """Rehearsals are protected only where their account itself is named."""
        holds = self._core.holds
        if self._core.rehearsal and not ask.scope.startswith("venue:"):
            return []
        return [
            (strategy, symbol)
            for (strategy, symbol), held in self._core.book.holdings.items()
            if held.quantity
            and ask.scope in holds.scopes(strategy, symbol).names
            and (not ask.symbols or symbol in ask.symbols)
        ]

    def _reckoned(self, ask: SetStops, strategy: str, symbol: str, now: Now) -> StopLoss | str:
        """The stop-loss as it is to be, or why there can be none."""
        held = self._core.book.holding(strategy, symbol).quantity
        side = Side.SELL if held > 0 else Side.BUY
        stands = self._core.stops.of(strategy, symbol)
        if stands is not None and stands.id == ask.id:
            return stands
        kept = stands if stands is not None and stands.live and stands.side is side else None
        why = self._why_not(strategy, symbol, held, now)
        if why:
            return why
        one, quote = self._universe.by_symbol(symbol), self._core.prices.quote(symbol)
        assert quote is not None, "a price was found good"
        percentage, mark = Decimal(ask.percentage), quote.mid
        price = stop_price(mark, percentage, side, one.tick_size, self._step(symbol))
        fresh = StopLoss(
            id=ask.id, strategy=strategy, symbol=symbol, side=side, percentage=percentage,
            mark=mark, stop_price=price, quantity=abs(held), placed_by=ask.placed_by,
            reason=ask.reason, set_wall_ns=now.wall_ns,
            version=stands.version if stands is not None else 0,
        )  # fmt: skip
        if kept is not None and kept.tighter(price):
            fresh.percentage, fresh.mark, fresh.stop_price = (
                kept.percentage, kept.mark, kept.stop_price,
            )  # fmt: skip
        elif fresh.reached(quote.bid, quote.ask):
            text = f"{price:f} is not beyond {quote.bid:f}/{quote.ask:f}"
            return f"TOO_CLOSE: {percentage:f} % is less than the spread: {text}"
        if kept is not None:
            fresh.order, fresh.state = kept.order, kept.state
            fresh.doubted, fresh.doubt_boot_ns = kept.doubted, kept.doubt_boot_ns
        return fresh

    def _why_not(self, strategy: str, symbol: str, held: Decimal, now: Now) -> str:
        if symbol not in self._universe:
            return "UNKNOWN_SYMBOL: not an instrument of this desk"
        if held % self._universe.by_symbol(symbol).lot_size:
            return f"LOT_SIZE: {held:f} is no whole number of lots"
        if self._core.holds.mode(strategy, symbol) is Mode.FROZEN:
            return "HELD: FROZEN lets nothing out but cancels"
        denial = self._core.prices.denial(symbol, now.boot_ns)
        return f"{denial.code}: {denial.text}" if denial is not None else ""

    # Whether they may rest -------------------------------------------------------------------

    def _why_watched(self, one: StopLoss) -> str:
        if not self._rests():
            return "the venue has no reduce-only stops"
        return "the account holds less of it, net of other strategies and their stops"

    def _may_rest(self, one: StopLoss) -> bool:
        return self._rests() and self._bounded(one)

    def _bounded(self, one: StopLoss) -> bool:
        """Whether the venue's net position, less what other stops close of it, is at least this."""
        net = self._net(one.symbol)
        others = sum(
            (
                order.remaining
                for order in self._core.book.open_orders()
                if order.protective
                and (order.symbol, order.side) == (one.symbol, one.side)
                and order.strategy != one.strategy
            ),
            ZERO,
        )
        return net * one.side.sign < 0 and one.quantity + others <= abs(net)

    def _net(self, symbol: str) -> Decimal:
        """What all strategies hold together: the venue's own position, by our books."""
        holdings = self._core.book.holdings.items()
        return sum((held.quantity for (_, one), held in holdings if one == symbol), ZERO)

    # Telling ---------------------------------------------------------------------------------

    def _refused(self, strategy: str, symbol: str, why: str) -> StopLine:
        return StopLine(*self._position(strategy, symbol), state="refused", why=why)

    def _line(self, one: StopLoss, state: str = "") -> StopLine:
        away = abs(one.mark - one.stop_price)
        return StopLine(
            *self._position(one.strategy, one.symbol),
            state=state or str(one.state),
            why=one.why,
            side=str(one.side),
            percentage=f"{one.percentage:f}",
            mark=f"{one.mark.normalize():f}",
            stop_price=f"{one.stop_price:f}",
            covered=f"{one.quantity if one.live else ZERO:f}",
            order=one.order if one.state is StopState.RESTING else "",
            loss=f"{self._core.book.unit_value(one.symbol, away) * one.quantity:.2f}",
            blind=one.blind,
        )

    def _position(self, strategy: str, symbol: str) -> tuple[str, str, str, str]:
        held = self._core.book.holding(strategy, symbol)
        entry = None
        if symbol in self._universe:
            entry = held.average_price(self._universe.by_symbol(symbol).multiplier)
        shown = "" if entry is None else f"{entry.normalize():f}"
        return strategy, symbol, f"{held.quantity:f}", shown
