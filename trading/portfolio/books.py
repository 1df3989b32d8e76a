"""The books as last read from the database, whole and frozen, so that frames are pure of them."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from riskctl.holds import HoldFact
from riskctl.rungs import Rung
from trading.portfolio.results import OrdersRow, TripsRow

REAL_RUNGS = frozenset({Rung.RAMP, Rung.LIVE})
"""Where a strategy's orders go to its own accounts."""

Mark = tuple[int, frozenset[tuple[str, bool]]]
"""How many fills, and which holds, and whether each is proven."""


@dataclass(frozen=True, slots=True)
class StrategyRow:
    key: str
    kind: str
    owner: str
    account: str
    venue: str
    live: bool
    shard: int
    symbols: tuple[str, ...]
    second_account: str = ""
    second_venue: str = ""
    """Of arbitrage across two accounts: where its second symbol is traded."""

    @property
    def places(self) -> dict[str, tuple[str, str]]:
        """Account and venue by symbol."""
        first, second = (self.account, self.venue), (self.second_account, self.second_venue)
        return {
            symbol: second if number == 1 and self.second_account else first
            for number, symbol in enumerate(self.symbols)
        }

    @property
    def accounts(self) -> tuple[str, ...]:
        return (self.account, self.second_account) if self.second_account else (self.account,)


@dataclass(frozen=True, slots=True)
class PositionRow:
    """As stored: instrument currency, signed quantity and cost."""

    account: str
    strategy: str
    symbol: str
    quantity: Decimal
    cost: Decimal
    realised: Decimal
    fees: Decimal
    fills: int
    updated_at: dt.datetime | None = None
    """Of its last fill; None: not known."""


@dataclass(frozen=True, slots=True)
class SignalRow:
    symbol: str
    direction: int
    confidence: float
    created_at: dt.datetime
    feed_time: dt.datetime


@dataclass(frozen=True, slots=True)
class AccountRow:
    """``rehearsal``: strategies of another account trade here while they stand on paper."""

    name: str
    venue: str
    live: bool
    rehearsal: bool = False


@dataclass(frozen=True, slots=True)
class LeaseRow:
    name: str
    role: str
    holder: str
    token: int
    expires_at: dt.datetime


@dataclass(frozen=True, slots=True)
class HoldRow:
    """An open hold; ``effective_at``: when it was proven, None while it is not."""

    fact: HoldFact
    placed_at: dt.datetime
    effective_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class RungRow:
    """Where a strategy stands on the restart ladder."""

    rung: str
    factor: Decimal
    since: dt.datetime


@dataclass(frozen=True, slots=True)
class AlertRow:
    """An alert of a document that rings."""

    name: str
    severity: str
    began_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Books:
    """One reading. ``as_of`` is the reader's wall time when it began; None: never read yet.

    ``baselines`` are each strategy's PnL when the day began, without what it made on rehearsal
    accounts, which is in ``rehearsed``; a strategy without one began at 0. ``lines`` are its PnL of
    the day so far, of what counted then (``Counting``). ``holds`` are open ones, ``rungs`` by
    strategy; ``dead_man`` is riskctl.deadman.DeadManState.body(), None when it was not read;
    ``waiting``: pending requests that take a second person, ``waiting_mark`` changes with any of
    them; ``glass``: bodies of riskctl.glass.Broken, what one person did alone and nobody reviewed;
    ``limits`` in force by kind, of each strategy and of each scope above; ``trips`` and ``orders``:
    results of the day; ``alerts`` that ring, by strategy; ``orders_open``: how many, by strategy
    and account.
    """

    as_of: dt.datetime | None = None
    read_ms: float = 0.0
    day: dt.datetime | None = None
    accounts: tuple[AccountRow, ...] = ()
    strategies: tuple[StrategyRow, ...] = ()
    positions: tuple[PositionRow, ...] = ()
    orders_open: Mapping[tuple[str, str], int] = field(default_factory=dict)
    signals: Mapping[str, SignalRow] = field(default_factory=dict)
    leases: tuple[LeaseRow, ...] = ()
    watchdog_at: dt.datetime | None = None
    baselines: Mapping[str, Decimal] = field(default_factory=dict)
    rehearsed: Mapping[str, Decimal] = field(default_factory=dict)
    lines: Mapping[str, tuple[Decimal, ...]] = field(default_factory=dict)
    holds: tuple[HoldRow, ...] = ()
    rungs: Mapping[str, RungRow] = field(default_factory=dict)
    dead_man: Mapping[str, Any] | None = None
    waiting: int = 0
    waiting_mark: str = ""
    glass: tuple[Mapping[str, Any], ...] = ()
    limits: Mapping[str, Mapping[str, Decimal]] = field(default_factory=dict)
    trips: Mapping[str, TripsRow] = field(default_factory=dict)
    orders: Mapping[str, OrdersRow] = field(default_factory=dict)
    alerts: Mapping[str, tuple[AlertRow, ...]] = field(default_factory=dict)

    @property
    def mark(self) -> Mark:
        """Another wherever fills or holds differ: what nobody should wait to see."""
        fills = sum(one.fills for one in self.positions)
        return fills, frozenset((one.fact.id, one.effective_at is not None) for one in self.holds)


class Counting:
    """In whose figures a position counts, beside its account's: one rule for pages and triggers.

    Paper money is not the firm's: what lies on a rehearsal account would hide what is lost on
    another. It counts for its strategy alone, and only below the rung ramp, or where that is the
    strategy's own account. What it left on an earlier account of its is real.
    """

    def __init__(self, books: Books) -> None:
        self._books = books
        self._rehearsals = {one.name for one in books.accounts if one.rehearsal}
        self._at_home = {
            one.key for one in books.strategies if not self._rehearsals.isdisjoint(one.accounts)
        }

    def real(self, account: str) -> bool:
        return account not in self._rehearsals

    def firm(self, row: PositionRow) -> bool:
        return self.real(row.account)

    def strategy(self, row: PositionRow) -> bool:
        return self.firm(row) or self.rehearses(row.strategy)

    def rehearses(self, key: str) -> bool:
        """Whether what lies on rehearsal accounts counts for the strategy."""
        rung = self._books.rungs.get(key)
        return key in self._at_home or rung is None or rung.rung not in REAL_RUNGS

    def base(self, key: str) -> Decimal:
        """Its PnL when the day began, of what counts for it now."""
        base = self._books.baselines.get(key, Decimal(0))
        return base + self._books.rehearsed.get(key, Decimal(0)) if self.rehearses(key) else base


def day_start(moment: dt.datetime) -> dt.datetime:
    """00:00 UTC of the day ``moment`` is in."""
    return moment.astimezone(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
