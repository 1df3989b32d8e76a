"""The wire: who gets in, and that no input is too bad for a clear answer."""

import time
from collections.abc import Iterator

import pytest

from tests.papervenue.raw import RawClient
from tests.venues.rigs import VenueProcess, a_tick, redis_url

CREATE: dict[str, object] = {
    "op": "submit", "id": 7, "client_order_id": "w-1", "symbol": "EURUSD", "side": "buy",
    "order_type": "limit", "time_in_force": "gtc", "quantity": "1000", "limit_price": "0.5",
    "not_after_ns": 2**60 * 2,
}  # fmt: skip


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VenueProcess]:
    process = VenueProcess(tmp_path_factory.mktemp("wire"), redis_url())
    yield process
    process.close()


@pytest.fixture
def client(venue: VenueProcess) -> Iterator[RawClient]:
    with RawClient(venue.address) as made:
        assert made.login()["ok"]
        made.say(op="cancel_all", id=0)  # what other tests left open
        while "cancelled" not in made.read():
            pass
        yield made


@pytest.mark.parametrize(
    "wrong", [{"signature": "0" * 64}, {"key": "other"}, {"account": "nobody"}, {"signature": "é"}]
)
def test_a_wrong_login_is_refused_and_the_connection_closed(
    venue: VenueProcess, wrong: dict[str, str]
) -> None:
    with RawClient(venue.address) as client:
        said = client.login(**wrong)
        assert (said["ok"], said["error"]["code"]) == (False, "LOGIN_FAILED")
        with pytest.raises(EOFError):
            client.read()


def test_a_signature_is_good_for_its_own_nonce_only(venue: VenueProcess) -> None:
    with RawClient(venue.address) as first, RawClient(venue.address) as second:
        second.hello = first.hello
        assert second.login()["error"]["code"] == "LOGIN_FAILED"
        assert first.login()["ok"]
        assert first.login()["error"]["code"] == "LOGIN_REPEATED"


def test_nothing_but_the_clock_before_the_login(venue: VenueProcess) -> None:
    with RawClient(venue.address) as client:
        assert client.ask(op="ping", id=1)["ok"]
        assert client.ask(op="clock", id=2)["feed_clock_ns"] >= 0
        assert client.ask(**CREATE)["error"]["code"] == "LOGIN_REQUIRED"
        with pytest.raises(EOFError):
            client.read()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"op": "buy"}, "op"),
        ({"op": None}, "op"),
        ({"id": "seven"}, "id"),
        ({"id": -1}, "id"),
        ({"client_order_id": ""}, "client_order_id"),
        ({"client_order_id": "x" * 65}, "client_order_id"),
        ({"client_order_id": "two words"}, "client_order_id"),
        ({"symbol": 5}, "symbol"),
        ({"side": "long"}, "side"),
        ({"order_type": "trailing"}, "order_type"),
        ({"order_type": "stop", "stop_price": "0.5"}, "limit_price"),
        ({"order_type": "stop", "limit_price": None}, "stop_price"),
        ({"order_type": "stop", "limit_price": None, "stop_price": "x"}, "stop_price"),
        ({"stop_price": "0.5"}, "stop_price"),
        ({"order_type": "market", "limit_price": None, "stop_price": "0.5"}, "stop_price"),
        ({"reduce_only": "yes"}, "reduce_only"),
        ({"time_in_force": "day"}, "time_in_force"),
        ({"quantity": 1000}, "quantity"),
        ({"quantity": "many"}, "quantity"),
        ({"quantity": "Infinity"}, "quantity"),
        ({"quantity": "1e30"}, "quantity"),
        ({"quantity": "9" * 41}, "quantity"),
        ({"limit_price": None}, "limit_price"),
        ({"order_type": "market"}, "limit_price"),
        ({"limit_price": "0.0000000001"}, "limit_price"),
        ({"not_after_ns": "soon"}, "not_after_ns"),
        ({"not_after_ns": 2**63}, "not_after_ns"),
        ({"note": "hello"}, "note"),
    ],
)
def test_a_wrong_field_is_named_and_the_connection_kept(
    client: RawClient, change: dict[str, object], field: str
) -> None:
    said = client.ask(**{**CREATE, **change})
    assert (said["ok"], said["error"]["code"]) == (False, "BAD_REQUEST")
    assert said["error"]["field"] == field
    assert field in said["error"]["message"]
    assert client.ask(op="order_status", id=8, client_order_id="w-1")["order"] is None


@pytest.mark.parametrize("name", ["symbol", "side", "quantity", "not_after_ns", "id", "op"])
def test_a_missing_field_is_named(client: RawClient, name: str) -> None:
    said = client.ask(**{key: value for key, value in CREATE.items() if key != name})
    assert said["error"]["field"] == name
    assert said.get("client_order_id") == "w-1"
    assert client.ask(op="ping", id=8)["ok"]


@pytest.mark.parametrize(
    "line", [b"hello\n", b"{\n", b"[1]\n", b"\xff\xfe\n", b"null\n", b'{"id":1} {"id":2}\n']
)
def test_what_is_no_object_is_refused(client: RawClient, line: bytes) -> None:
    client.write(line)
    assert client.read()["error"]["code"] in ("BAD_JSON", "BAD_REQUEST")
    assert client.ask(op="ping", id=8)["ok"]


def test_a_line_too_long_is_refused_once_and_the_next_is_heard(client: RawClient) -> None:
    client.write(b"x" * 100_000)
    assert client.read()["error"]["code"] == "LINE_TOO_LONG"
    client.write(b"y" * 50_000 + b"\n")
    assert client.ask(op="ping", id=8)["id"] == 8


def test_lines_arrive_in_any_pieces(client: RawClient) -> None:
    client.write(b'\n\r\n{"op":"ping","id":1}\n{"op":"ping","id":2}\r\n{"op":"pi')
    assert [client.read()["id"], client.read()["id"]] == [1, 2]
    for byte in b'ng","id":3}\n':
        client.write(bytes([byte]))
    assert client.read()["id"] == 3


def test_only_the_admin_sets_faults_and_looks_at_others(
    venue: VenueProcess, client: RawClient
) -> None:
    assert client.ask(op="fault", id=1, account="paper-2", reject=1)["error"]["code"] == "FORBIDDEN"
    assert client.ask(op="log", id=2)["error"]["code"] == "FORBIDDEN"
    assert client.ask(op="positions", id=3, account="paper-2")["error"]["field"] == "account"
    with RawClient(venue.address) as admin:
        admin.login("admin")
        assert admin.ask(op="positions", id=3, account="paper-2")["ok"]
        assert admin.ask(**CREATE)["error"]["code"] == "FORBIDDEN"
        said = admin.ask(op="fault", id=4, account="paper-1", fill_fraction=2)
        assert said["error"]["field"] == "fill_fraction"


def test_cancel_all_ends_what_is_open_and_counts_it(client: RawClient) -> None:
    for number, symbol in enumerate(["EURUSD", "EURUSD", "GBPUSD"]):
        body = {**CREATE, "client_order_id": f"all-{number}", "symbol": symbol}
        assert client.ask(**body)["event"] == "accepted"
    client.say(op="cancel_all", id=5, symbol="EURUSD")
    said = [client.read() for _ in range(3)]
    assert [one.get("event") for one in said] == ["ended", "ended", None]
    assert said[2]["cancelled"] == 2
    client.say(op="cancel_all", id=6)
    assert client.read()["client_order_id"] == "all-2"
    assert client.read()["cancelled"] == 1


def test_fills_come_in_pages(venue: VenueProcess, client: RawClient) -> None:
    venue.clock += 1
    venue.acknowledged(venue.publish(a_tick("EURUSD", venue.clock, "1.1", "1.1", "0", "0")))
    for number in range(5):
        client.say(**{**CREATE, "client_order_id": f"page-{number}", "limit_price": "1.1"})
        assert [client.read()["event"], client.read()["event"]] == ["accepted", "fill"]
    page = client.ask(op="fills_since", id=1, sequence=1, limit=2)
    assert [one["sequence"] for one in page["fills"]] == [2, 3]
    assert page["last_sequence"] == 5


def test_delays_hold_orders_back_in_order_and_make_them_late(
    venue: VenueProcess, client: RawClient
) -> None:
    with venue.admin() as admin:
        admin.fault("paper-1", delay_ms=150)
        started = time.time_ns()
        soon = started + 50_000_000
        client.say(**{**CREATE, "client_order_id": "slow-1"})
        client.say(**{**CREATE, "client_order_id": "slow-2", "not_after_ns": soon})
        client.say(op="cancel", id=9, client_order_id="slow-1")
        assert client.ask(op="order_status", id=10, client_order_id="slow-1")["order"] is None
        admin.clear_faults("paper-1")
        client.say(op="cancel", id=11, client_order_id="slow-1")
        said = [client.read() for _ in range(4)]
    assert [(one["event"], one["client_order_id"]) for one in said] == [
        ("accepted", "slow-1"), ("rejected", "slow-2"), ("ended", "slow-1"),
        ("cancel_refused", "slow-1"),
    ]  # fmt: skip
    assert said[1]["code"] == "LATE"
    assert said[0]["venue_time_ns"] - started >= 150_000_000


def test_answers_can_be_delayed_and_come_at_once_when_cleared(
    venue: VenueProcess, client: RawClient
) -> None:
    with venue.admin() as admin:
        admin.fault("paper-1", answer_delay_ms=60_000)
        client.say(**{**CREATE, "client_order_id": "told-late"})
        while not any(one["client_order_id"] == "told-late" for one in admin.log("paper-1")):
            pass
        admin.clear_faults()
    assert client.read()["client_order_id"] == "told-late"


def test_disconnect_after_carries_out_and_says_nothing(
    venue: VenueProcess, client: RawClient
) -> None:
    with venue.admin() as admin:
        admin.fault("paper-1", disconnect_after=2)
        assert client.ask(op="ping", id=1)["ok"]
        client.say(**{**CREATE, "client_order_id": "cut-1"})
        with pytest.raises((EOFError, ConnectionResetError)):
            client.read()
        said = admin.request("order_status", account="paper-1", client_order_id="cut-1")
    assert said["order"]["state"] == "working"
