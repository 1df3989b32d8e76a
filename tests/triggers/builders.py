"""A desk to watch, without database, Redis or threads."""

import threading
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

from riskctl.triggers.config import Environment
from riskctl.triggers.evaluate import Firing, Moment, Reading, Standing
from riskctl.triggers.inforce import InForce, in_force
from riskctl.triggers.keeper import BrakesKeeper, Known
from riskctl.triggers.records import Fired
from trading import ticks as tick_format
from trading.clock import NS, utc_from_ns
from trading.portfolio.books import Books
from trading.portfolio.market import Entry, FeedPhase, Market
from trading.ticks import Ticks
from trading.triggers.carried import SessionFact
from trading.triggers.desk import DeskTriggers, Sight
from trading.triggers.stages import Heard
from trading.triggers.stops import Documents
from trading.triggers.stored import Activity, Past
from trading.universe import UNIVERSE


def plain_settings(**changes: Any) -> InForce:
    """Defaults, with ``changes`` to every trigger's setting."""
    found = in_force((), Environment(), shadow_approved=False)
    return replace(
        found, settings={name: replace(one, **changes) for name, one in found.settings.items()}
    )


class FakeKeeper:
    """Knows what a test says; remembers what is to be written down."""

    def __init__(self, limits: Mapping[tuple[str, str], Decimal], found: InForce) -> None:
        self.known = Known(0, found, limits)
        self.written: list[Fired] = []
        self.is_fresh = True
        self._changed = threading.Condition()

    @property
    def in_force(self) -> InForce:
        return self.known.in_force

    @property
    def queued(self) -> int:
        return 0

    def fresh(self, _within_s: float) -> bool:
        return self.is_fresh

    def record(self, fired: Fired) -> None:
        with self._changed:
            self.written.append(fired)
            self._changed.notify_all()

    def wait(self, count: int) -> list[Fired]:
        """Everything written, once there are ``count``."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.written) >= count, 10), self.written
            return list(self.written)


@dataclass
class FakePlacing:
    """As riskctl.placing.Placing, of the hold that was asked for."""

    asked: dict[str, Any]
    effective: bool = True

    @property
    def hold(self) -> SimpleNamespace:
        return SimpleNamespace(id=str(self.asked["hold_id"]))


@dataclass
class Places:
    """Stands for riskctl.placing.hold_place."""

    calls: list[dict[str, Any]] = field(default_factory=list)
    fails: list[Exception] = field(default_factory=list)

    def __call__(self, **asked: Any) -> FakePlacing:
        if self.fails:
            raise self.fails.pop(0)
        self.calls.append(asked)
        return FakePlacing(asked)

    @property
    def ids(self) -> list[uuid.UUID]:
        return [one["hold_id"] for one in self.calls]


class Rig:
    """One DeskTriggers on clocks of its own; ``look`` moves them on."""

    def __init__(
        self,
        limits: Mapping[tuple[str, str], Decimal] | None = None,
        *,
        found: InForce | None = None,
        wall_ns: int = 1_700_000_000 * NS,
    ) -> None:
        self.keeper = FakeKeeper(limits or {}, found or plain_settings())
        self.places = Places()
        self.wall_ns, self.boot_ns = wall_ns, 1_000 * NS
        self.desk = DeskTriggers(
            "path", UNIVERSE, cast(BrakesKeeper, self.keeper), self.places,
            Moment(self.boot_ns, self.wall_ns),
        )  # fmt: skip
        self.market = Market(UNIVERSE)
        self.clock_ns = wall_ns
        self.books = Books(as_of=utc_from_ns(wall_ns))
        self.feed_state: dict[str, Any] = {}
        self.components: Sequence[Heard] = ()
        self.gateways: dict[str, Heard] = {}
        self.activity = Activity()
        self.documents = Documents()
        self.past = Past()
        self.session: SessionFact | None = SessionFact("s1", differs=False)
        self.fired: list[Firing] = []

    def ticks(self, ticks: Ticks, *, session: str = "s1") -> None:
        """One entry of the tick stream, published now."""
        fields = {
            b"d": tick_format.pack(ticks), b"clk": str(self.clock_ns).encode(),
            b"wall": str(self.wall_ns).encode(), b"s": session.encode(),
        }  # fmt: skip
        entries: list[Entry] = [(b"1-1", fields)]
        self.market.on_entries(entries)
        self.desk.on_entries(entries)

    def look(self, *, after_s: float = 0.1, phase: FeedPhase = "running", **more: Any) -> None:
        """Evaluate once, ``after_s`` after the last time."""
        step = int(after_s * NS)
        self.wall_ns += step
        self.boot_ns += step
        others: Sequence[Reading] = more.get("others", ())
        sight = Sight(
            books=self.books, market=self.market, phase=phase, feed_state=self.feed_state,
            past=self.past, activity=self.activity, session=self.session,
            components=self.components, documents=self.documents,
            gateways=self.gateways, others=others,
        )  # fmt: skip
        self.fired += self.desk.look(sight, Moment(self.boot_ns, self.wall_ns))

    def breaches(self) -> list[tuple[str, str]]:
        return [(one.trigger, one.scope) for one in self.fired if one.level == "breach"]

    def standings(self) -> list[Standing]:
        return self.desk.standings(Moment(self.boot_ns, self.wall_ns))
