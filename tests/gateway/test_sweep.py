"""What a gateway asks its venue beside orders: that none is open, and its dead man's switch."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from riskctl.brakes_home import BrakesHome
from riskctl.holds import HoldFact, Kind, Mode
from tests.gateway.builders import D, Rig
from tests.gateway.test_holds import hold, steps, working
from tests.gateway.test_writer import OWNER
from trading.gateway import stopdesk
from trading.gateway.effects import Effect
from trading.gateway.session import VenueSession
from trading.gateway.stopdesk import DEAD_MAN_MS, Place, StopDesk
from trading.gateway.stopping import Stopping
from trading.gateway.sweep import Sweeper
from trading.messages import OrderType, Side
from trading.venues.base import Ended, OrderStatus, Venue, VenueDisconnectedError, VenueError

KILL = hold(kind=Kind.KILL, cancels=True)


def at_venue(ident: str = "stranger", **change: Any) -> OrderStatus:
    facts: dict[str, Any] = {
        "client_order_id": ident, "venue_order_id": "v", "symbol": "EURUSD", "side": Side.BUY,
        "quantity": D(1000), "filled": D(0), "limit_price": D(1), "state": "working", "reason": "",
        **change,
    }  # fmt: skip
    return OrderStatus(**facts)


class FakeVenue:
    """``open``: what is open there; ``fails``: what it answers to the next questions instead;
    ``failed`` is set by the last of these; ``mute``: so many times it says nothing to its switch;
    ``read``: whether each reading was in a hurry; ``reading`` is called at each."""

    def __init__(self) -> None:
        self.mute = 0
        self.hurries = 0
        self.read: list[bool] = []
        self.reading: Callable[[], None] = lambda: None
        self.failed = asyncio.Event()
        self.connected = True
        self.open: list[OrderStatus] = []
        self.fails: list[Exception] = []
        self.cancels: list[str] = []
        self.switched: list[int] = []

    def price_step(self, symbol: str) -> None:
        return None

    @contextmanager
    def hurried(self) -> Iterator[None]:
        self.hurries += 1
        yield
        self.hurries -= 1

    async def open_orders(self) -> list[OrderStatus]:
        self.read.append(self.hurries > 0)
        self.reading()
        self._fail()
        return list(self.open)

    async def cancel_all_after(self, timeout_ms: int) -> None:
        self.switched.append(timeout_ms)
        if len(self.switched) <= self.mute:
            await asyncio.Event().wait()
        self._fail()

    def send_cancel(self, client_order_id: str) -> None:
        self.cancels.append(client_order_id)

    def _fail(self) -> None:
        if self.fails:
            error = self.fails.pop(0)
            if not self.fails:
                self.failed.set()
            raise error


class Sweeping:
    """A sweeper on a rig's clock; ``turn`` is one reading, ``after_ms`` later."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *holds: HoldFact) -> None:
        self.rig, self.venue = Rig(), FakeVenue()
        self.stopping = Stopping(self.rig.core)
        self.sweeper = Sweeper(
            core=self.rig.core, stopping=self.stopping, venue=cast(Venue, self.venue),
            perform=self.perform, settled=asyncio.Event(),
        )  # fmt: skip
        monkeypatch.setattr("trading.gateway.sweep.boot_ns", lambda: self.rig.boot_ns)
        self.apply(*holds)

    def perform(self, effects: list[Effect]) -> None:
        self.rig.take(effects)

    def apply(self, *holds: HoldFact) -> None:
        for one in holds:
            self.rig.take(self.stopping.apply(one, self.rig.now()))

    def turn(self, after_ms: float) -> list[str]:
        """Names of the steps that the receipt got."""
        before = len(steps(self.rig))
        self.rig.later(after_ms)
        asyncio.run(self.sweeper._turn(self.sweeper.due()))
        return [one.name for one in steps(self.rig)[before:]]


@pytest.fixture
def sweep(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Sweeping]:
    return lambda *holds: Sweeping(monkeypatch, *holds)


def test_none_open_is_two_readings_a_quarter_second_apart(sweep: Callable[..., Sweeping]) -> None:
    one = sweep(KILL)
    assert [one.turn(ms) for ms in (0, 100, 149.9)] == [[], [], []]
    assert one.turn(0.1) == ["none-open"]
    assert one.sweeper.due() == []
    (step,) = steps(one.rig)
    assert step.facts["apart_ms"] == 250


def test_an_order_whose_form_is_not_understood_is_cancelled_and_proves_none_open_false(
    sweep: Callable[..., Sweeping],
) -> None:
    one = sweep(KILL)
    one.venue.open = [at_venue(side=None, quantity=None, symbol="PF_NEWUSD")]
    assert [one.turn(ms) for ms in (0, 300, 300)] == [[], [], []]
    assert set(one.venue.cancels) == {"stranger"}
    one.venue.open = []
    assert [one.turn(300), one.turn(300)] == [[], ["none-open"]]


def test_no_reading_counts_that_began_before_our_orders_were_final(
    sweep: Callable[..., Sweeping],
) -> None:
    one = sweep()
    order = working(one.rig)
    one.apply(KILL)
    assert [one.turn(300), one.turn(300)] == [[], []], "the venue says none, our cancel is out"
    one.rig.take(
        one.rig.core.on_venue_event(Ended(order, "cancelled", D(0), "asked"), one.rig.now())
    )
    assert [one.turn(1), one.turn(249)] == [[], []]
    assert one.turn(1) == ["none-open"]


def test_one_that_is_open_in_between_begins_it_anew(sweep: Callable[..., Sweeping]) -> None:
    """A stranger's order as well: it is cancelled, again after a while, and named when it stays."""
    one = sweep(KILL)
    one.turn(0)
    one.venue.open = [at_venue()]
    assert one.turn(260) == []
    assert [one.turn(100), one.venue.cancels] == [[], ["stranger"]], "not again at once"
    assert [one.turn(200), one.venue.cancels] == [[], ["stranger"] * 2]
    assert one.turn(1_500) == ["still-open"]
    assert one.turn(100) == [], "named once"
    one.venue.open = []
    assert [one.turn(1), one.turn(249), one.turn(1)] == [[], [], ["none-open"]]


@pytest.mark.parametrize("too", [False, True])
def test_a_protective_stop_at_the_venue_stays_unless_named(
    sweep: Callable[..., Sweeping], *, too: bool
) -> None:
    one = sweep(hold(kind=Kind.KILL, cancels=True, protective_too=too))
    one.venue.open = [at_venue("stop", order_type=OrderType.STOP, reduce_only=True)]
    found = [*one.turn(0), *one.turn(250)]
    assert (one.venue.cancels, found) == ((["stop"] * 2, []) if too else ([], ["none-open"]))


def test_a_halt_is_not_swept_and_a_reduce_only_takes_no_strangers(
    sweep: Callable[..., Sweeping],
) -> None:
    assert sweep(hold()).sweeper.due() == []
    one = sweep(hold(kind=Kind.REDUCE_ONLY, mode=Mode.REDUCE_ONLY))
    one.venue.open = [at_venue()]
    assert [one.turn(0), one.turn(250), one.venue.cancels] == [[], ["none-open"], []]


def test_a_venue_that_was_away_is_read_twice_again(sweep: Callable[..., Sweeping]) -> None:
    one = sweep(KILL)
    one.turn(0)
    one.venue.fails = [VenueDisconnectedError("cut")]

    async def until_it_was_asked() -> None:
        one.sweeper._settled.set()
        running = asyncio.create_task(one.sweeper.run())
        await one.venue.failed.wait()
        running.cancel()
        await asyncio.wait([running])

    one.rig.later(300)
    asyncio.run(until_it_was_asked())
    assert steps(one.rig) == []
    assert [one.turn(1), one.turn(249)] == [[], []]
    assert one.turn(1) == ["none-open"]


def test_readings_leave_no_budget_to_creates_until_the_sweep_is_proven(
    sweep: Callable[..., Sweeping],
) -> None:
    one = sweep(KILL)
    one.venue.reading = lambda: one.rig.later(150)

    async def until_proven() -> None:
        one.sweeper._settled.set()
        running = asyncio.create_task(one.sweeper.run())
        while one.sweeper.due() or one.venue.hurries:  # noqa: ASYNC110 - nobody is told
            await asyncio.sleep(0.005)
        running.cancel()
        await asyncio.wait([running])

    asyncio.run(until_proven())
    assert one.venue.read == [True] * 3
    assert [step.name for step in steps(one.rig)] == ["none-open"]


def test_what_does_not_go_away_is_asked_for_less_often(sweep: Callable[..., Sweeping]) -> None:
    one = sweep(KILL)
    one.venue.open = [at_venue()]
    pauses = []
    for after_ms in (0, 1_999, 1):
        one.turn(after_ms)
        pauses.append(one.sweeper._pause_s())
    assert pauses == [0.05, 0.05, 0.25]
    one.apply(hold(2, kind=Kind.KILL, cancels=True))
    one.turn(0)
    assert one.sweeper._pause_s() == 0.05, "a new stop waits for no old one"


# The venue's own dead man's switch ----------------------------------------------------------------


def switched(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fails: Iterable[Exception],
    calls: int,
    mute: int = 0,
) -> FakeVenue:
    """The venue of a gateway whose tasks run until it was asked ``calls`` times, or nothing more
    comes."""
    monkeypatch.setattr(stopdesk, "DEAD_MAN_EVERY_S", 0.001)
    rig, venue, settled = Rig(), FakeVenue(), asyncio.Event()
    venue.fails, venue.mute = list(fails), mute
    home = BrakesHome(tmp_path / "brakes")

    async def run() -> None:
        desk = StopDesk(
            owner=OWNER, core=rig.core, venue=cast(Venue, venue),
            session=cast(VenueSession, SimpleNamespace(settled=settled, hurried=nullcontext)),
            place=Place(home, b"k" * 32, "127.0.0.1"), perform=lambda effects: None,
            write=lambda statements: None,
        )  # fmt: skip
        await desk.open()
        tasks = desk.tasks()
        settled.set()
        for _ in range(200):
            if len(venue.switched) >= calls:
                break
            await asyncio.sleep(0.002)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await desk.close()

    asyncio.run(run())
    return venue


def test_the_gateway_keeps_the_venues_switch_from_running_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert stopdesk.DEAD_MAN_EVERY_S * 1_000 * 3 < DEAD_MAN_MS, "one or two may be lost"
    fails = [VenueDisconnectedError("cut"), TimeoutError()]
    assert switched(tmp_path, monkeypatch, fails, 4).switched[:4] == [DEAD_MAN_MS] * 4


def test_a_venue_without_a_switch_is_asked_once_and_one_that_refuses_once_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for code in ("NOT_OFFERED", "NOT_SUPPORTED"):
        refused = VenueError(code, "no such request")
        assert len(switched(tmp_path, monkeypatch, [refused], 2).switched) == 1
    passing = [VenueError(code, "later") for code in ("UNAVAILABLE", "RATE_LIMIT", "NETWORK")]
    assert len(switched(tmp_path, monkeypatch, passing, 5).switched) >= 5


def test_a_venue_that_says_nothing_to_its_switch_is_asked_again_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(switched(tmp_path, monkeypatch, [], 3, mute=2).switched) >= 3
