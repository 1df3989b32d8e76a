"""One evaluation of the whole desk: the path and the watchdog each have one, with own readings.

``look`` is fast and waits for nobody: what must be read is read by others and passed in.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from riskctl.holds import FIRM
from riskctl.triggers.evaluate import Evaluator, Firing, Moment, Reading, Standing
from riskctl.triggers.firing import Firer, Place
from riskctl.triggers.keeper import BrakesKeeper
from trading.clock import NS
from trading.portfolio.books import Books
from trading.portfolio.market import Entry, FeedPhase, Market
from trading.ticks import unpack
from trading.triggers.carried import SessionFact
from trading.triggers.legs import LegWatch
from trading.triggers.market import MarketWatch
from trading.triggers.money import REHEARSED, Look, MoneyWatch
from trading.triggers.quality import QualityWatch, divergence_readings, skew_readings
from trading.triggers.signals import SignalsSeen, SignalWatch
from trading.triggers.stages import (
    Heard,
    Known,
    component_reading,
    feed_reading,
    gateway_reading,
)
from trading.triggers.stops import Documents
from trading.triggers.stored import Activity, Past
from trading.triggers.tally import Windows
from trading.universe import Universe

MARKET_NS = NS // 2
QUIET_NS = 5 * NS
"""A feed silent for longer than this says nothing about the market now."""

SIGNALS_LEAST = 10
TRADING_RUNGS = frozenset({"ramp", "live"})


@dataclass(frozen=True)
class Sight:
    """What one source sees now. ``others`` are readings that it has made itself."""

    books: Books
    market: Market
    phase: FeedPhase
    feed_state: Mapping[str, Any]
    past: Past | None
    activity: Activity
    session: SessionFact | None = None
    documents: Documents = field(default_factory=Documents)
    components: Sequence[Heard] = ()
    gateways: Mapping[str, Heard] = field(default_factory=dict)
    others: Sequence[Reading] = ()


class DeskTriggers:
    """Evaluates what a source sees, and has holds placed for what fires."""

    def __init__(
        self,
        source: str,
        universe: Universe,
        keeper: BrakesKeeper,
        place: Place,
        started: Moment,
    ) -> None:
        self.evaluator = Evaluator(source, keeper.in_force)
        self._keeper = keeper
        self._firer = Firer(self.evaluator, keeper, place)
        self._started = started
        self._bars = MarketWatch(universe)
        self._money = MoneyWatch(universe)
        self._quality = QualityWatch()
        self._signals = SignalWatch()
        self._legs = LegWatch(universe)
        self._known = Known()
        self._session = ""
        self._recalled: Past | None = None
        self._market: list[Reading] = []
        self._market_at = 0

    def on_entries(self, entries: Sequence[Entry]) -> None:
        """Entries of the tick stream, oldest first."""
        start = 0
        for index, (_, fields) in enumerate(entries):
            session = fields[b"s"].decode()
            if session != self._session:
                self._ticks(entries[start:index])
                start, self._session = index, session
                self._bars.restart()
        self._ticks(entries[start:])

    def _ticks(self, entries: Sequence[Entry]) -> None:
        if entries:
            data = b"".join(fields.get(b"d", b"") for _, fields in entries)
            self._bars.take(unpack(data), int(entries[-1][1][b"clk"]))

    def windows(self) -> dict[str, int]:
        """Seconds each trigger looks back, as in force."""
        return {name: one.window_s for name, one in self.evaluator.in_force.settings.items()}

    def order_windows(self) -> Windows:
        windows = self.windows()
        return Windows(
            latency=windows["order-latency"],
            errors=windows["error-burst"],
            rejections=windows["rejection-burst"],
            denials=windows["all-denied"],
        )

    def look(self, sight: Sight, now: Moment) -> list[Firing]:
        """Evaluate, and set off what follows; what fired."""
        self._firer.settle()
        fired = self.evaluator.take(self._readings(sight, now), now)
        for one in sorted(fired, key=lambda one: (one.scope != FIRM, one.scope)):
            self._firer.fire(one)
        return fired

    def standings(self, now: Moment) -> list[Standing]:
        return self.evaluator.standings(now)

    def _readings(self, sight: Sight, now: Moment) -> Iterable[Reading]:
        watched_ns = now.boot_ns - self._started.boot_ns
        yield from self._money_readings(sight, now)
        yield from self._market_readings(sight, now)
        feed = feed_reading(sight.market, sight.phase, now.wall_ns, watched_ns)
        if feed is not None:
            yield feed
        quality = self._quality.take(dict(sight.feed_state))
        if sight.phase != "ended":
            yield from divergence_readings(sight.feed_state)
            yield from skew_readings(sight.feed_state)
            if quality is not None:
                yield quality
        yield from self._unordered(sight, now)
        yield from self._signalled(sight, now)
        yield from self._legs.readings(sight.books, now.boot_ns)
        components = [self._known.of(one.name, one, now.boot_ns) for one in sight.components]
        yield component_reading(components, watched_ns, now.boot_ns)
        for account, said in sight.gateways.items():
            heard = self._known.of(f"venue:{account}", said, now.boot_ns)
            yield gateway_reading(account, heard, watched_ns, now.boot_ns)
        yield from sight.others

    def _money_readings(self, sight: Sight, now: Moment) -> list[Reading]:
        windows = self.windows()
        known = self._keeper.known
        if sight.past is not None and sight.past is not self._recalled:
            self._recalled = sight.past
            self._recall(sight.past, sight.documents, windows)
        books = Books() if self._recalled is None or known is None else sight.books
        limits = {} if known is None else known.limits
        look = Look(
            books, sight.market, limits, windows, now.wall_ns, sight.session, sight.documents
        )
        return self._money.readings(look)

    def _recall(self, past: Past, documents: Documents, windows: Mapping[str, int]) -> None:
        for scope, peaks in past.peaks.items():
            name = "drawdown" if scope == FIRM else "strategy-drawdown"
            stops = documents.of(scope.removeprefix("strategy:").removesuffix(REHEARSED))
            bound = stops.drawdown if stops else None
            self._money.recall(scope, peaks, windows[name], int(bound.seconds) if bound else 0)
        self._money.recall_losses(past.lately)

    def _market_readings(self, sight: Sight, now: Moment) -> list[Reading]:
        if sight.phase == "ended":
            return []
        if now.boot_ns - self._market_at >= MARKET_NS:
            self._market_at = now.boot_ns
            self._market = self._bars.readings(self.windows())
        silent_ns = sight.market.silent_ns(now.wall_ns)
        if silent_ns is None or silent_ns > QUIET_NS:
            return [replace(one, value=None, detail="the feed is silent") for one in self._market]
        return self._market

    def _unordered(self, sight: Sight, now: Moment) -> Iterable[Reading]:
        known = self._keeper.known
        if known is None:
            return
        for one in sight.books.strategies:
            scopes = {FIRM, f"strategy:{one.key}", *(f"venue:{name}" for name in one.accounts)}
            signals = sight.activity.signals.get(one.key, 0)
            trades = known.rungs.get(one.key) in TRADING_RUNGS and not scopes & known.held
            if not trades or signals < SIGNALS_LEAST:
                continue
            orders = sight.activity.orders.get(one.key, 0)
            share = max(Decimal(0), 1 - Decimal(orders) / signals)
            detail = f"{signals} signals, {orders} orders"
            yield Reading("sized-zero", f"strategy:{one.key}", share, now.boot_ns, detail)

    def _signalled(self, sight: Sight, now: Moment) -> Iterable[Reading]:
        known = self._keeper.known
        if known is None:
            return ()
        seen = SignalsSeen(
            sight.books, sight.market, sight.phase, sight.activity, known.rungs, now.boot_ns
        )
        return self._signals.readings(seen)
