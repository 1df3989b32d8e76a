"""A shard's strategies from ticks to intents, driven from outside one batch at a time.

Pure and deterministic: no clock, no random, no network. The same ticks and gateway messages in
the same order give the same signals and intents, so the live shard and lock-step run this code.

What a strategy holds is the gateway's word, not ours: a target is compared with the view that
OrderUpdate and BookSnapshot give, and the difference is ordered while nothing is under way. Until
an account's first BookSnapshot nothing is ordered on it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

import numpy as np

from trading.clock import NS
from trading.indicators.rounds import Splitter
from trading.messages import BookSnapshot, GatewayMessage, Intent, OrderUpdate
from trading.sessions import Sessions
from trading.strategies.intents import IntentMaker
from trading.strategies.kernel import Change, Flags
from trading.strategies.market_making import MarketMakingKernel
from trading.strategies.outcomes import Outcomes
from trading.strategies.pairs import ArbitragePair, LegsSeen, pairs_of
from trading.strategies.quoter import Quoter
from trading.strategies.quoting import Quoting, Seen
from trading.strategies.reforming import Name, formed
from trading.strategies.signalling import SignalMaker
from trading.strategies.sizing import Quote, lots_for, whole_lots
from trading.strategies.slot import Leg, Slot, Step
from trading.strategies.specs import Clocks, OutcomeMade, SignalMade, SignalNow, StrategySpec
from trading.strategies.stack import Stack, bank_of, stacks_of
from trading.strategies.terms import Terms, full_terms
from trading.strategies.views import Views
from trading.ticks import TICK, Ticks
from trading.universe import Universe, from_nano

STALE_NS = 30 * NS
_BYTES = np.dtype(f"V{TICK.itemsize}")


class ShardEngine:
    """All strategies of one shard. Not thread-safe."""

    def __init__(
        self,
        strategies: Sequence[StrategySpec],
        universe: Universe,
        *,
        shard: str,
        token: int,
        ids: Callable[[], str],
        clocks: Clocks,
        sessions: Sessions | None = None,
    ) -> None:
        """``sessions``: hours that orders keep; None: those of the markets.

        Raises UnknownInstrumentError for a symbol that is not in ``universe``.
        """
        self._sessions = sessions or Sessions()
        self._universe = universe
        self._ids = ids
        self._clocks = clocks
        self._stacks = stacks_of(strategies, universe)
        self._bank = bank_of(self._stacks, universe)
        self._views = Views(self._stacks)
        self._terms = {one.key: full_terms(one) for one in strategies}
        self._maker = IntentMaker(shard, token, ids, clocks)
        self._quoting = Quoting(self._maker, self._sessions)
        self._signalling = SignalMaker(ids, clocks)
        self._tried = SignalMaker(lambda: "test", clocks)  # takes no name away
        self._pairs = pairs_of(one for stack in self._stacks for one in stack.members)
        self._splitter = Splitter(len(universe))
        self._wanted = self._any_wanted()
        self._wants_all = bool(self._wanted.all())
        self._boot = np.zeros(len(universe), dtype=np.int64)
        self._signals: list[SignalMade] = []
        self._outcomes = Outcomes()
        self._wished = tuple(strategies)
        self._leaving: frozenset[Name] = frozenset()
        #: Something that was left out is still held: ``leave`` is due at every turn.
        self.waits = False
        self._clock_ns = 0
        #: Host time at which the last batch's indicators were done, ns.
        self.indicators_done_boot = 0

    def on_ticks(
        self, ticks: Ticks, clock_ns: int, published_boot: int, *, trade: bool = True
    ) -> list[Intent]:
        """Take one batch in; intents that it gives rise to, oldest need first.

        ``clock_ns`` is the feed's time after the batch, ``published_boot`` the host time at which
        it was published. With ``trade`` False (a shard catching up) nothing is ordered; signals
        are made all the same.
        """
        self._clock_ns = clock_ns
        ticks = self._known(ticks)
        found: list[tuple[Stack, Change]] = []
        if len(ticks) and self._bank is not None:
            self._boot[ticks["instrument"]] = published_boot
            batch = self._splitter.split(ticks)
            averages = self._bank.update(batch)
            self.indicators_done_boot = self._clocks.boot_ns()
            self._turn_pairs(ticks, published_boot)
            for stack in self._stacks:
                found += [(stack, change) for change in stack.kernel.update(batch, averages)]
        for stack, change in found:
            self._signal(stack, change, ticks, published_boot)
        self._outcomes.judge(ticks, clock_ns)
        self._views.decide_adopted(self._lots_of_size)
        intents: list[Intent] = self._reconcile() if trade else []
        return [*intents, *self._stray_cancels()]

    def on_gateway(self, message: GatewayMessage) -> None:
        """The gateway's word on an order of ours or on a whole account."""
        if isinstance(message, OrderUpdate):
            self._views.heard(message, self._clock_ns)
        elif isinstance(message, BookSnapshot):
            self._views.told(message, self._clock_ns)

    def apply(self, terms: Mapping[str, Terms]) -> list[Intent]:
        """Run strategies on other terms from now on; cancels that follow from it.

        What has been seen of prices stays, so no strategy here loses a signal.
        """
        cancels: list[Intent] = []
        for slot in self._views.slots:
            old, new = self._terms[slot.strategy], terms.get(slot.strategy)
            if new is not None and new != old:
                cancels += self._change(slot, old, new)
        self._terms |= {key: one for key, one in terms.items() if key in self._terms}
        return cancels

    def _change(self, slot: Slot, old: Terms, new: Terms) -> list[Intent]:
        cancels: list[Intent] = []
        account = new.account_of(slot.instrument.symbol)
        moves = account != old.account_of(slot.instrument.symbol)
        if slot.open and (not new.orders or moves):
            cancels += self._maker.cancels(slot, self._clocks.boot_ns())
        if moves:
            self._views.move(slot, account)
        resized = new.size_notional != old.size_notional and not isinstance(slot, Leg)
        if resized and slot.target:
            slot.target = self._resized(slot, slot.target, old, new)
        elif resized:
            cut = new.size_notional < old.size_notional
            slot.most = self._lots(slot, new) if cut else None
        if new.signals != old.signals:
            slot.target = slot.most = None  # what it wanted then says nothing about now
        self._views.changed(slot)
        self._views.touch(slot)
        return cancels

    def _lots(self, slot: Slot, terms: Terms) -> Decimal | None:
        """What the size of ``terms`` is now, None before the first price."""
        if not self._splitter.count[slot.instrument.id]:
            return None
        return lots_for(terms.size_notional, self._quote(slot).mid, slot.instrument)

    def _lots_of_size(self, slot: Slot) -> Decimal | None:
        return self._lots(slot, self._terms[slot.strategy])

    def _resized(self, slot: Slot, target: Decimal, old: Terms, new: Terms) -> Decimal:
        lots = self._lots(slot, new)
        if lots is None:
            return whole_lots(target * new.size_notional / old.size_notional, slot.instrument)
        return lots.copy_sign(target)

    def signals_now(self, symbol: str) -> list[SignalNow]:
        """What each strategy here that trades ``symbol`` thinks of it now: nobody acts on it."""
        slots = (one for one in self._views.slots if one.instrument.symbol == symbol)
        return [self._signal_now(one) for one in slots]

    def _signal_now(self, slot: Slot) -> SignalNow:
        (stack, row), at = self._views.owner_of(slot), slot.instrument.id
        signal = None
        if self._bank is not None and self._splitter.count[at]:
            direction, score = stack.kernel.standing(
                self._splitter.last(at), self._bank.now(at), row
            )
            signal = self._tried.of_score(
                stack.members[row], slot.instrument.symbol, self._quote(slot),
                direction=direction, score=score,
            )  # fmt: skip
        return SignalNow(slot.strategy, bool(stack.kernel.warm[at, row]), signal)

    def reform(self, strategies: Sequence[StrategySpec]) -> list[Intent]:
        """Run these strategies from now on, between two ticks; cancels that follow from it.

        Those that did not change lose nothing. Give ``apply`` their terms afterwards. Raises
        UnknownInstrumentError.
        """
        self._wished = tuple(strategies)
        found = formed(strategies, self._stacks, self._bank, self._splitter, self._universe)
        before, self._stacks, self._bank = self._views, found.stacks, found.bank
        members = [one for stack in self._stacks for one in stack.members]
        self._terms = {
            one.spec.key: self._terms.get(one.spec.key) or full_terms(one.spec) for one in members
        }
        for slot in found.fresh:
            slot.account = self._terms[slot.strategy].account_of(slot.instrument.symbol)
        self._views = Views(self._stacks)
        self._views.take_over(before, found.fresh)
        self._pairs = pairs_of(members, self._pairs)
        self._wanted = self._any_wanted()
        self._wants_all = bool(self._wanted.all())
        self._leaving, self.waits = found.leaving, found.waits
        now = self._clocks.boot_ns()
        return [one for slot in found.fresh for one in self._maker.cancels(slot, now)]

    def leave(self) -> list[Intent]:
        """As ``reform`` once what was left out is flat; till then it is brought there."""
        wished = {(one.key, symbol) for one in self._wished for symbol in one.symbols}
        slots = [
            one for one in self._views.slots if (one.strategy, one.instrument.symbol) not in wished
        ]
        if any(one.flat for one in slots):
            return self.reform(self._wished)
        for one in slots:
            if self._leaves(one):
                one.aim(Decimal(0), one.signal_id, urgent=True)
                self._views.touch(one)
        return []

    def _leaves(self, slot: Slot) -> bool:
        return (slot.strategy, slot.instrument.symbol) in self._leaving

    @property
    def settled(self) -> bool:
        """Nothing is wanted that is not held, nothing is under way, and prices alone move nothing
        but by a signal: pairs weigh both legs at every tick."""
        return not self._pairs and all(one.settled for one in self._views.slots)

    @property
    def muted(self) -> dict[str, str]:
        """Strategies that send no orders, and why."""
        coarse = {one.key: one.why for one in self._pairs if one.why}
        return coarse | {key: one.why for key, one in self._terms.items() if not one.orders}

    def take_signals(self) -> list[SignalMade]:
        """Signals made since the last call, in order."""
        made, self._signals = self._signals, []
        return made

    def take_outcomes(self) -> list[OutcomeMade]:
        """What became of signals since the last call; each comes after its signal."""
        return self._outcomes.take()

    def forget_views(self) -> None:
        """Messages may have been lost: order nothing until each account's next BookSnapshot."""
        self._views.forget()

    def restart_series(self) -> None:
        """The feed plays another recording: prices and times seen so far count no more.

        Positions stay, and are taken over by the strategies when they are warm again.
        """
        for stack in self._stacks:
            stack.renew()
        self._bank = bank_of(self._stacks, self._universe)
        self._splitter = Splitter(len(self._universe))
        for pair in self._pairs:
            pair.restart()
        self._views.restart()
        self._outcomes.restart()

    @property
    def accounts(self) -> list[str]:
        """Venue accounts that strategies here trade on."""
        return self._views.accounts

    def _any_wanted(self) -> Flags:
        wanted: Flags = np.zeros(len(self._universe), dtype=bool)
        for stack in self._stacks:
            wanted |= stack.traded.any(axis=1)
        return wanted

    def _known(self, ticks: Ticks) -> Ticks:
        """Those of instruments that a strategy here trades."""
        if not len(ticks):
            return ticks
        instruments = ticks["instrument"]
        if instruments.view(np.uint32).max() >= len(self._wanted):  # a negative one is huge here
            ticks = ticks[(instruments >= 0) & (instruments < len(self._wanted))]
            instruments = ticks["instrument"]
        if self._wants_all:
            return ticks
        keep = self._wanted[instruments]
        # As bytes: numpy copies structures field by field, ten times slower.
        return ticks if keep.all() else ticks.view(_BYTES)[keep].view(TICK)

    def _signal(self, stack: Stack, change: Change, ticks: Ticks, published_boot: int) -> None:
        member = stack.members[change.row]
        terms = self._terms[member.spec.key]
        if not terms.signals:
            return
        tick = ticks[change.origin]
        symbol = self._universe.by_id(change.instrument).symbol
        bid, ask = from_nano(tick["bid"]), from_nano(tick["ask"])
        quote = Quote(bid, ask, int(tick["time"]), published_boot)
        signal = self._signalling.of_change(member, symbol, change, quote)
        self._signals.append(signal)
        self._outcomes.add(signal, change.instrument)
        slot = member.slots[change.instrument]
        size = Decimal(0)
        if change.direction and not self._leaves(slot):
            size = change.direction * lots_for(terms.size_notional, quote.mid, slot.instrument)
        slot.aim(size, signal.id, urgent=change.forced)
        self._views.touch(slot)

    def _reconcile(self) -> list[Intent]:
        """One step for each slot that is not where it should be, in a fixed order."""
        intents: list[Intent] = []
        now = self._clocks.boot_ns()
        for pair in self._pairs:
            for slot in pair.step(self._legs_seen(pair, now), self._terms[pair.key]):
                self._views.touch(slot)
        for slot in self._views.unsettled():
            if isinstance(slot, Quoter):
                intents += self._requote(slot, now)
                continue
            if not self._terms[slot.strategy].orders:
                intents += self._maker.cancels(slot, now)
                continue
            step = slot.next_step(self._clock_ns, now)
            if step is Step.CANCEL:
                intents += self._maker.cancels(slot, now)
            elif step is Step.ORDER and self._open(slot) and not self._stale(slot):
                beyond = self._views.member_of(slot).cross_ticks
                size = self._terms[slot.strategy].size_notional
                intents.append(self._maker.order(slot, self._quote(slot), beyond, now, size))
        return intents

    def _legs_seen(self, pair: ArbitragePair, now: int) -> LegsSeen:
        first, second = pair.legs
        count = self._splitter.count
        both = count[first.instrument.id] and count[second.instrument.id]
        quotes = (self._quote(first), self._quote(second)) if both else None
        known = self._views.knows(first) and self._views.knows(second)
        traded = all(self._open(one) for one in pair.legs)
        return LegsSeen(quotes, known, traded, self._clock_ns, now)

    def _open(self, slot: Slot) -> bool:
        return self._sessions.open(slot.instrument.market, self._clock_ns)

    def _turn_pairs(self, ticks: Ticks, published_boot: int) -> None:
        """Signals of pairs that changed their mind; what two prices do is not judged by one."""
        for pair in self._pairs:
            for turn in pair.take(ticks):
                if self._terms[pair.key].signals:
                    symbol = pair.first.instrument.symbol
                    # Either leg's tick may have made it, however long the first was quiet.
                    quote = replace(self._quote(pair.first), boot=published_boot)
                    signal = self._signalling.of_score(
                        pair.member, symbol, quote, direction=turn.direction, score=turn.score
                    )
                    self._signals.append(signal)
                    for slot in pair.legs:
                        slot.signal_id = signal.id

    def _requote(self, slot: Quoter, now: int) -> list[Intent]:
        """One step of a market maker. It signals when it begins to quote, orders or none."""
        terms, (stack, row) = self._terms[slot.strategy], self._views.owner_of(slot)
        at, kernel = slot.instrument.id, stack.kernel
        assert isinstance(kernel, MarketMakingKernel)
        quote = self._quote(slot) if self._splitter.count[at] else None
        warm = bool(kernel.warm[at, row])
        seen = Seen(quote, float(kernel.deviation[at, row]), warm, self._clock_ns, now)
        wanted = self._quoting.wanted(slot, seen, terms)
        if wanted and quote is not None and terms.signals and not slot.quoting:
            self._begin_quoting(slot, quote)
        slot.quoting = bool(wanted)
        if not terms.orders:
            return list(self._maker.cancels(slot, now))
        return self._quoting.step(slot, seen, wanted)

    def _begin_quoting(self, slot: Quoter, quote: Quote) -> None:
        """No forecast: both sides are quoted, the surer the less is held."""
        most = lots_for(self._terms[slot.strategy].size_notional, quote.mid, slot.instrument)
        signal = self._signalling.of_score(
            self._views.member_of(slot), slot.instrument.symbol, quote,
            direction=0, score=-float(slot.position / most),
        )  # fmt: skip
        slot.signal_id = signal.id
        self._signals.append(signal)

    def _stray_cancels(self) -> list[Intent]:
        """For orders left on an account that their strategy trades on no more."""
        return [
            self._maker.cancel(strategy, account, name, "its strategy trades elsewhere now")
            for account, strategy, name in self._views.take_strays()
        ]

    def _stale(self, slot: Slot) -> bool:
        at = slot.instrument.id
        if not self._splitter.count[at]:
            return True
        return self._clock_ns - int(self._splitter.last_time[at]) > STALE_NS

    def _quote(self, slot: Slot) -> Quote:
        at = slot.instrument.id
        return Quote(
            from_nano(self._splitter.last_bid[at]),
            from_nano(self._splitter.last_ask[at]),
            int(self._splitter.last_time[at]),
            int(self._boot[at]),
        )
