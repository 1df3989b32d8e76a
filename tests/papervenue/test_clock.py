"""The venue's own clock: what is judged when, by which time, and what a moved clock moves."""

import time
from collections.abc import Iterator

import pytest

from tests.papervenue.raw import RawClient, Said
from tests.papervenue.test_wire import CREATE
from tests.venues.rigs import VenueProcess, a_tick, redis_url
from trading.papervenue.admin import AdminClient, AdminError

MS = 1_000_000


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VenueProcess]:
    process = VenueProcess(tmp_path_factory.mktemp("clock"), redis_url(), "--latency-ms", "40")
    yield process
    process.close()


@pytest.fixture
def admin(venue: VenueProcess) -> Iterator[AdminClient]:
    with venue.admin() as made:
        yield made
        made.clear_faults()
        made.move_clock(0)


@pytest.fixture
def client(venue: VenueProcess) -> Iterator[RawClient]:
    with RawClient(venue.address) as made:
        made.login()
        made.say(op="cancel_all", id=0)
        while "cancelled" not in made.read():
            pass
        yield made


def create(client: RawClient, ident: str, life_ms: int) -> Said:
    """What is said of a create with so long to live; later by the clock at its arrival."""
    not_after = time.time_ns() + life_ms * MS
    said = client.ask(**{**CREATE, "client_order_id": ident, "not_after_ns": not_after})
    if said["event"] == "accepted":
        assert said["venue_time_ns"] <= not_after
    return said


@pytest.mark.parametrize(
    ("fault", "dies"),
    [({}, 20), ({"delay_ms": 200}, 100), ({"stall_s": 0.4}, 300)],
    ids=["latency", "delay", "stall"],
)
def test_a_held_back_create_is_judged_when_it_reaches_the_book(
    client: RawClient, admin: AdminClient, fault: dict[str, object], dies: int
) -> None:
    for life, expected in ((dies, "rejected"), (5_000, "accepted")):
        admin.fault("paper-1", **fault)
        said = create(client, f"{fault}-{life}".replace(" ", ""), life)
        assert said["event"] == expected
        assert said.get("code", "LATE") == "LATE"


def test_a_moved_clock_is_told_and_judges_from_now_on(
    client: RawClient, admin: AdminClient
) -> None:
    admin.move_clock(3_600_000)
    ahead = client.ask(op="ping", id=1)["venue_time_ns"] - time.time_ns()
    assert abs(ahead / MS - 3_600_000) < 2_000
    assert create(client, "ahead", 3_500_000)["code"] == "LATE"
    admin.move_clock(-3_600_000)
    assert create(client, "behind", -3_500_000)["event"] == "accepted"
    admin.move_clock(0)
    assert create(client, "right", -100)["code"] == "LATE"
    moved = [one["detail"] for one in admin.log() if one["kind"] == "clock_moved"]
    assert moved[-3:] == ["3600000", "-3600000", "0"]


def test_quotes_and_faults_do_not_age_with_a_moved_clock(
    venue: VenueProcess, client: RawClient, admin: AdminClient
) -> None:
    venue.clock += 1
    venue.acknowledged(venue.publish(a_tick("EURUSD", venue.clock, "1.1", "1.1", "0", "0")))
    admin.fault("paper-1", answer_delay_ms=300)
    admin.move_clock(3_600_000)
    started = time.monotonic()
    body = {**CREATE, "client_order_id": "far", "order_type": "market", "limit_price": None}
    assert client.ask(**body)["event"] == "accepted"
    assert 0.3 <= time.monotonic() - started < 3
    fill = client.read()
    assert fill["price"] == "1.1"
    assert abs((fill["fill_time_ns"] - time.time_ns()) / MS - 3_600_000) < 2_000


def test_the_dead_mans_switch_runs_on_the_venues_own_clock(
    client: RawClient, admin: AdminClient
) -> None:
    assert create(client, "dead", 5_000)["event"] == "accepted"
    said = client.ask(op="cancel_all_after", id=5, timeout_ms=60_000)
    assert abs((said["trigger_time_ns"] - time.time_ns()) / MS - 60_000) < 2_000
    admin.move_clock(50_000)
    assert client.ask(op="order_status", id=6, client_order_id="dead")["order"]["state"] == (
        "working"
    )
    admin.move_clock(61_000)
    ended = client.read()
    assert (ended["event"], ended["reason"]) == ("ended", "cancel_all_after ran out")
    assert client.ask(op="cancel_all_after", id=7, timeout_ms=0)["trigger_time_ns"] is None


def test_a_switch_far_away_holds_nothing_up(client: RawClient, venue: VenueProcess) -> None:
    client.ask(op="cancel_all_after", id=5, timeout_ms=60_000)
    took = []
    for number in range(3):
        started = time.monotonic()
        assert create(client, f"prompt-{number}", 5_000)["event"] == "accepted"
        took.append(time.monotonic() - started)
    assert min(took) < 0.5
    client.ask(op="cancel_all_after", id=6, timeout_ms=0)


@pytest.mark.parametrize("timeout", [-1, 86_400_001, "soon", 0.5, None])
def test_a_wrong_timeout_is_named(client: RawClient, timeout: object) -> None:
    said = client.ask(op="cancel_all_after", id=5, timeout_ms=timeout)
    assert (said["error"]["code"], said["error"]["field"]) == ("BAD_REQUEST", "timeout_ms")


@pytest.mark.parametrize(
    "body",
    [
        {"op": "move_clock", "offset_ms": 1},
        {"op": "inject_fill", "account": "paper-1", "symbol": "SPY", "side": "buy",
         "quantity": "1", "price": "5"},
        {"op": "inject_order", "account": "paper-1", "symbol": "SPY", "side": "buy",
         "quantity": "1", "limit_price": "5"},
    ],
    ids=lambda body: str(body["op"]),
)  # fmt: skip
def test_drills_are_the_admins(client: RawClient, body: dict[str, object]) -> None:
    assert client.ask(id=1, **body)["error"]["code"] == "FORBIDDEN"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"account": "nobody"}, "BAD_REQUEST"),
        ({"account": "admin"}, "BAD_REQUEST"),
        ({"symbol": "NOPE"}, "UNKNOWN_SYMBOL"),
        ({"side": "long"}, "BAD_REQUEST"),
        ({"quantity": "0.5"}, "LOT_SIZE"),
        ({"quantity": "-1"}, "LOT_SIZE"),
        ({"quantity": "x"}, "BAD_REQUEST"),
        ({"price": "500.001"}, "TICK_SIZE"),
        ({"price": "-1"}, "TICK_SIZE"),
    ],
)
def test_an_injection_obeys_the_rules(
    admin: AdminClient, change: dict[str, str], code: str
) -> None:
    right = {"account": "paper-1", "symbol": "SPY", "side": "buy", "quantity": "1", "price": "5"}
    before = len(admin.log())
    with pytest.raises(AdminError) as refused:
        admin.inject_fill(**{**right, **change})
    assert refused.value.code == code
    changed = {("limit_price" if name == "price" else name): value
               for name, value in {**right, **change}.items()}  # fmt: skip
    with pytest.raises(AdminError) as refused:
        admin.inject_order(**changed)
    assert refused.value.code == code
    assert len(admin.log()) == before


def test_an_injected_fill_pays_like_a_taker(admin: AdminClient) -> None:
    fill = admin.inject_fill("paper-2", "SPY", "sell", "10", "500.01")
    assert (fill["sequence"], fill["fee"], fill["maker"]) == (1, "0.250005", False)
    (held,) = admin.positions("paper-2")
    assert (held["quantity"], held["cash_flow"]) == ("-10", "5000.1")
    order = admin.inject_order("paper-2", "SPY", "sell", "10", "500.01")
    assert (order["state"], order["order_type"], order["limit_price"]) == (
        "working", "limit", "500.01",
    )  # fmt: skip
