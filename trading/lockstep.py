"""The whole path in one process, in lock-step with the paper venue's matching.

The same stages as the live desk's, without wires: feed → ingestor → indicators → signals → sizing
→ gateway's core → exchange → fills → holdings. Each batch is worked off completely before the
next is read, time is the feed's, ids count up: the same quotes give the same orders, every time.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count

from riskctl.licence import NOT_AFTER_MS, Licence, Reading, StageFact
from trading.clock import NS
from trading.feeds.ingestor import Ingestor
from trading.feeds.raw import RawBatch
from trading.gateway.admission import Now
from trading.gateway.core import GatewayCore
from trading.gateway.effects import (
    Effect,
    FillRow,
    OrderRow,
    Persist,
    SendCancel,
    SendCreate,
)
from trading.gateway.telling import snapshot
from trading.messages import GatewayMessage, Intent
from trading.sessions import Sessions
from trading.strategies.engine import ShardEngine
from trading.strategies.specs import Clocks, OutcomeMade, SignalMade, StrategySpec
from trading.universe import UNIVERSE, Universe
from trading.venues.base import Filled, VenueDisconnectedError, VenueEvent
from trading.venues.lockstep import LockstepExchange, LockstepVenue

TOKEN = 1
READING_NS = 10 * NS
"""As often as a gateway reads its venue."""
SHARD = "shard:0"
BOOT_ID = "lockstep"

Limits = Mapping[tuple[str, str], Decimal]


class LockstepError(RuntimeError):
    """The core asked for something that cannot happen without a network."""


@dataclass
class Result:
    """What a run did, in order."""

    orders: list[OrderRow] = field(default_factory=list)
    fills: list[FillRow] = field(default_factory=list)
    signals: list[SignalMade] = field(default_factory=list)
    outcomes: list[OutcomeMade] = field(default_factory=list)
    refused: int = 0
    ticks: int = 0


class Lockstep:
    """Strategies of any number of accounts against one exchange. ``limits`` as riskctl.rules."""

    def __init__(
        self, strategies: Sequence[StrategySpec], limits: Limits, universe: Universe = UNIVERSE,
        *, sessions: Sessions | None = None,
    ) -> None:  # fmt: skip
        self._clock_ns = 0
        self._read_ns = 0
        self._limits = dict(limits)
        self._sessions = sessions or Sessions()
        self._stages = {one.key: StageFact("live", Decimal(1)) for one in strategies}
        numbers = count(1)
        self.ingestor = Ingestor(universe)
        self.exchange = LockstepExchange(universe=universe)
        self.engine = ShardEngine(
            strategies,
            universe,
            shard=SHARD,
            token=TOKEN,
            ids=lambda: f"n{next(numbers)}",
            clocks=Clocks(lambda: self._clock_ns, lambda: self._clock_ns, BOOT_ID),
            sessions=self._sessions,
        )
        self.result = Result()
        self.cores: dict[str, GatewayCore] = {}
        self._venues: dict[str, LockstepVenue] = {}
        for account in sorted({account for one in strategies for account in one.accounts}):
            self._open(account, universe)
        spanning = frozenset(one.key for one in strategies if one.second_account)
        for core in self.cores.values():
            core.gate.spanning = spanning

    def _open(self, account: str, universe: Universe) -> None:
        core = GatewayCore(
            account=account, universe=universe, licence=Licence(TOKEN), sessions=self._sessions
        )
        venue = LockstepVenue(account, self.exchange)
        self.cores[account], self._venues[account] = core, venue
        connecting = venue.connect(lambda event: self._on_event(account, event))
        try:
            connecting.send(None)
        except StopIteration:
            return
        raise LockstepError("connecting in one process must not wait")

    def run(self, batches: Iterable[RawBatch]) -> Result:
        """Work off ``batches`` to the end."""
        for batch in batches:
            self.step(batch)
        return self.result

    def step(self, batch: RawBatch) -> None:
        """One batch, through everything that comes of it."""
        ingested = self.ingestor.process(batch)
        self._clock_ns = max(self._clock_ns, ingested.clock_ns)
        self.result.refused += len(batch.rows) - len(ingested.ticks)
        self.result.ticks += len(ingested.ticks)
        self._license()
        for account, core in self.cores.items():
            core.prices.on_ticks(ingested.ticks, self._clock_ns, self._clock_ns)
            if self._clock_ns >= self._read_ns:
                self._read_balances(account, core)
        if self._clock_ns >= self._read_ns:
            self._read_ns = self._clock_ns + READING_NS
        self.exchange.advance(ingested.ticks, self._clock_ns)
        for account, core in self.cores.items():
            self._perform(account, core.take_back(self._now()))
        self.exchange.settle()
        for account, core in self.cores.items():
            self.engine.on_gateway(snapshot(account, core.book, self._clock_ns))
        for intent in self.engine.on_ticks(ingested.ticks, self._clock_ns, self._clock_ns):
            self._on_intent(intent)
        self.exchange.settle()
        self.result.signals += self.engine.take_signals()
        self.result.outcomes += self.engine.take_outcomes()

    def _read_balances(self, account: str, core: GatewayCore) -> None:
        """Those of a venue that answers; of one that does not nothing is known."""
        asked = core.funds.ask()
        try:
            cash = self._venues[account].cash()
        except (VenueDisconnectedError, TimeoutError):
            return
        core.funds.on_balances(asked, cash, self._clock_ns)

    @property
    def settled(self) -> bool:
        """Nothing is under way: prices alone change nothing, until a strategy changes its mind."""
        return self.engine.settled

    def _license(self) -> None:
        reading = Reading(
            started_boot_ns=self._clock_ns,
            lease_token=TOKEN,
            watchdog_age_ms=0.0,
            beat=1,
            shard_tokens={SHARD: TOKEN},
            limits=self._limits,
            holds=(),
            lifted=frozenset(),
            stages=self._stages,
        )
        for core in self.cores.values():
            core.licence.renew(reading)

    def _now(self) -> Now:
        return Now(self._clock_ns, self._clock_ns, BOOT_ID)

    def _on_intent(self, intent: Intent) -> None:
        core = self.cores[intent.account]
        self._perform(intent.account, core.on_intent(intent, self._now()))

    def _on_event(self, account: str, event: VenueEvent) -> None:
        core = self.cores[account]
        if isinstance(event, Filled) and event.sequence != core.book.fill_sequence + 1:
            raise LockstepError(f"fill {event.sequence} came after {core.book.fill_sequence}")
        self._perform(account, core.on_venue_event(event, self._now()))

    def _perform(self, account: str, effects: Iterable[Effect]) -> None:
        venue = self._venues[account]
        for effect in effects:
            if isinstance(effect, Persist):
                self._persist(account, effect)
            elif isinstance(effect, SendCreate):
                venue.send_create(effect.new_order)
            elif isinstance(effect, SendCancel):
                venue.send_cancel(effect.client_order_id)
            else:
                raise LockstepError(f"{effect} cannot happen in lock-step")

    def _persist(self, account: str, effect: Persist) -> None:
        for row in effect.rows:
            if isinstance(row, OrderRow):
                self.result.orders.append(row)
            elif isinstance(row, FillRow):
                self.result.fills.append(row)
        for message in effect.messages:
            self._tell(message)
        if effect.release:
            not_after = self._venues[account].not_after(NOT_AFTER_MS)
            core = self.cores[account]
            released = core.release(
                effect.release, self._now(), connected=True, not_after_ns=not_after
            )
            self._perform(account, released)

    def _tell(self, message: GatewayMessage) -> None:
        self.engine.on_gateway(message)
