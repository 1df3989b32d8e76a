"""Orders, heartbeats, queues: each trigger of the system fires on what it says."""

from collections import deque
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskctl.triggers.evaluate import Reading
from tests.portfolio.builders import reading, strategy_row
from tests.triggers.builders import Rig, plain_settings
from trading.clock import NS, utc_from_ns
from trading.messages import BookSnapshot, OpenOrder, OrderUpdate, Side
from trading.orders.states import OrderState as S
from trading.portfolio.books import AccountRow, Books
from trading.triggers.stages import Heard, Signs, queue_reading, silence, stage_heard
from trading.triggers.stored import Activity
from trading.triggers.tally import AccountOrders, Happening, OrderTally, Windows

D = Decimal
WINDOWS = Windows(latency=300, errors=60, rejections=60, denials=300)
MS = 1_000_000


class Gateway:
    """Messages of one account, at the times a test says."""

    def __init__(self) -> None:
        self.tally, self.rig, self.number = OrderTally(), Rig(), 0

    def say(self, state: S, ident: str, at_ms: int, code: str = "") -> None:
        final = state in (S.FILLED, S.CANCELLED, S.EXPIRED, S.REJECTED, S.DENIED)
        self.tally.take(
            OrderUpdate(
                account="paper-1", strategy="mom", symbol="SPY", client_order_id=ident,
                intent_id=ident, correlation_id=ident, side=Side.BUY, quantity=D(1), filled=D(0),
                state=str(state), final=final, reason_code=code, reason="", version=1,
                position=D(0), in_flight=D(0), at_wall=at_ms * MS,
            ),
            at_ms * MS,
        )  # fmt: skip

    def order(self, at_ms: int, answer: S, after_ms: int = 20, code: str = "") -> None:
        self.number += 1
        ident = f"o{self.number}"
        self.say(S.PENDING, ident, at_ms)
        self.say(answer, ident, at_ms + after_ms, code)

    def denied(self, at_ms: int, code: str) -> None:
        self.number += 1
        self.say(S.DENIED, f"o{self.number}", at_ms, code)

    def values(self, at_ms: int) -> dict[str, Decimal | None]:
        found = self.tally.readings(["paper-1"], WINDOWS, at_ms * MS)
        assert {one.scope for one in found} == {"venue:paper-1"}
        return {one.trigger: one.value for one in found}

    def breaches(self, at_ms: int, *, looks: int = 1, every_ms: int = 0) -> list[str]:
        for number in range(looks):
            now = at_ms + number * every_ms
            others = self.tally.readings(["paper-1"], WINDOWS, now * MS)
            self.rig.look(phase="ended", others=others)
        return [trigger for trigger, _ in self.rig.breaches()]


def test_an_account_that_does_nothing_has_nothing_wrong() -> None:
    assert Gateway().values(1) == {"execution-delay": D(0), "error-burst": D(0)}


def test_slow_answers_are_over_the_slo() -> None:
    gateway = Gateway()
    for number in range(60):
        gateway.order(number * 100, S.FILLED, after_ms=100 if number < 50 else 900)
        breaches = gateway.breaches(number * 100 + 900)
    assert breaches == ["order-latency"]
    assert gateway.values(7_000)["order-latency"] == 900
    assert "order-latency" not in gateway.values(400_000)  # too few in the window to say


def test_an_order_without_an_answer_for_five_seconds_is_a_delay() -> None:
    gateway = Gateway()
    gateway.say(S.PENDING, "o1", 0)
    assert gateway.breaches(4_000, looks=9, every_ms=100) == []
    assert gateway.breaches(5_000, looks=30, every_ms=100) == ["execution-delay"]
    gateway.say(S.FILLED, "o1", 9_000)
    assert gateway.values(9_000)["execution-delay"] == 0


def test_a_resting_order_is_no_delay() -> None:
    gateway = Gateway()
    gateway.order(0, S.WORKING)
    assert gateway.values(60_000)["execution-delay"] == 0


def test_errors_in_a_row_are_a_burst_but_old_ones_are_not() -> None:
    gateway = Gateway()
    for number in range(9):
        gateway.order(number, S.UNKNOWN)
    assert gateway.breaches(30, looks=5) == []
    gateway.order(40, S.UNKNOWN)
    gateway.breaches(60)
    gateway.order(70, S.REJECTED)
    assert "error-burst" in gateway.breaches(90)
    assert gateway.values(62_000)["error-burst"] == 0


def test_one_reading_of_errors_confirms_nothing() -> None:
    gateway = Gateway()
    for number in range(10):
        gateway.order(number, S.UNKNOWN)
    assert gateway.breaches(40, looks=50) == []


def test_orders_doubted_after_a_reconnection_are_no_errors() -> None:
    gateway = Gateway()
    for number in range(30):
        gateway.order(number, S.WORKING)
    for number in range(30):
        gateway.say(S.UNKNOWN, f"o{number + 1}", 1_000)
    assert gateway.values(1_100)["error-burst"] == 0


def test_half_of_the_answers_rejected_is_a_burst() -> None:
    gateway = Gateway()
    for number in range(40):
        gateway.order(number * 2_000, S.REJECTED if number % 2 else S.FILLED)
        breaches = gateway.breaches(number * 2_000 + 30)
    assert "rejection-burst" in breaches
    assert gateway.values(80_000)["rejection-burst"] == D("0.5")


def test_all_denied_by_risk_rules_but_not_by_holds() -> None:
    for code, expected in (("GROSS_NOTIONAL", ["all-denied"]), ("HELD", []), ("STAGE", [])):
        gateway = Gateway()
        for number in range(25):
            gateway.denied(number * 10, code)
            breaches = gateway.breaches(number * 10)
        assert breaches == expected, code


def test_one_admitted_order_is_enough() -> None:
    gateway = Gateway()
    gateway.order(0, S.FILLED)
    for number in range(25):
        gateway.denied(number * 10, "PRICE_COLLAR")
    assert gateway.breaches(300, looks=5) == []


def test_what_the_gateway_no_longer_has_is_not_awaited() -> None:
    gateway = Gateway()
    gateway.say(S.PENDING, "lost", 0)
    gateway.say(S.PENDING, "there", 0)
    there = OpenOrder("mom", "SPY", "there", Side.BUY, D(1), D(0), None)
    gateway.tally.take(BookSnapshot("paper-1", 5_000 * MS, [], [there]), 5_000 * MS)
    assert gateway.values(6_000)["execution-delay"] == 6_000
    gateway.tally.take(BookSnapshot("paper-1", 6_000 * MS, [], []), 6_000 * MS)
    assert gateway.values(7_000)["execution-delay"] == 0


def test_happenings_of_the_database_count_like_messages() -> None:
    one = AccountOrders(deque(Happening(0, "error") for _ in range(12)), D(7_000), 5)
    values = {found.trigger: found.value for found in one.readings("venue:x", WINDOWS, 10 * NS)}
    assert values == {"error-burst": D(12), "execution-delay": D(7_000), "rejection-burst": D(1)}


# Signs of life ------------------------------------------------------------------------------------


def test_the_most_silent_component_is_named() -> None:
    heard = [Heard("feed", 2 * NS), Heard("shard:0", 9 * NS), Heard("database", None)]
    assert silence(heard, 100 * NS) == (D(100), "database")
    assert silence(heard[:2], 100 * NS) == (D(9), "shard:0")
    assert silence(heard, 5 * NS) == (D(5), "shard:0")  # nobody watched before


def test_a_heartbeat_grows_old_while_nobody_can_read_it() -> None:
    stages = {"feed": [reading("feed", "main")]}
    assert stage_heard(stages, "feed", "main", 3 * NS) == Heard("feed main", 3_100 * MS)
    assert stage_heard(stages, "feed", "other", 3 * NS) == Heard("feed other", None)


@pytest.mark.parametrize("ago_s", [None, 70])
def test_a_component_and_a_gateway_that_are_down_fire(ago_s: int | None) -> None:
    rig = Rig()
    ago = None if ago_s is None else ago_s * NS
    rig.components = [Heard("feed", NS), Heard("signal-generator shard:1", ago)]
    rig.gateways = {"paper-1": Heard("gateway paper-1", ago), "paper-2": Heard("gateway", NS)}
    for _ in range(590):
        rig.look(phase="ended")
    assert rig.breaches() == []
    for _ in range(20):
        rig.look(phase="ended")
    assert set(rig.breaches()) == {("component-down", "firm"), ("gateway-down", "venue:paper-1")}
    reasons = {one.trigger: one.reason for one in rig.fired if one.level == "breach"}
    assert "signal-generator shard:1" in reasons["component-down"]


def test_what_is_made_known_to_a_running_desk_was_not_silent_before() -> None:
    rig = Rig()
    for _ in range(120):
        rig.look(phase="ended", after_s=1)
    rig.components = [Heard("signal-generator shard:9", None)]
    rig.gateways = {"new": Heard("gateway new", None), "old": Heard("gateway old", 3_600 * NS)}
    for _ in range(30):
        rig.look(phase="ended", after_s=1)
    assert rig.fired == []
    for _ in range(40):
        rig.look(phase="ended", after_s=1)
    assert set(rig.breaches()) == {
        ("component-down", "firm"), ("gateway-down", "venue:new"), ("gateway-down", "venue:old"),
    }  # fmt: skip


def test_an_ended_recording_is_no_outage() -> None:
    rig = Rig()
    for _ in range(1_000):
        rig.look(phase="ended", after_s=1)
    assert rig.breaches() == []
    for _ in range(1_000):
        rig.look(phase="dead", after_s=1)
    assert ("feed-outage", "firm") in rig.breaches()


def test_a_desk_that_starts_is_not_told_of_an_old_silence() -> None:
    rig = Rig()
    rig.market.heard_wall_ns = rig.wall_ns - 86_400 * NS
    rig.look(phase="dead")
    [one] = [one for one in rig.standings() if one.trigger == "feed-outage"]
    assert one.value == D("0.1")


def test_sources_that_disagree_are_named_with_their_values_and_hold_their_instrument() -> None:
    rig, clock = Rig(), 1_399_000_000 * NS
    choice: dict[str, Any] = {"withheld": 0, "values": ""}
    for second in range(60):
        if second == 10:
            choice |= {"withheld": clock + 10 * NS, "values": "a 1.1/1.2, b 1.3/1.4"}
        rig.feed_state = {"clock": clock + second * NS, "choices": {"EURUSD": choice}}
        rig.look(after_s=1)
        [one] = [one for one in rig.standings() if one.trigger == "feed-divergence"]
        assert one.value == max(second - 10, 0)
    fired = [one for one in rig.fired if one.trigger == "feed-divergence"]
    assert [(one.level, one.scope, one.value) for one in fired] == [
        ("warning", "instrument:EURUSD", D(4)), ("breach", "instrument:EURUSD", D(32)),
    ]  # fmt: skip
    assert "(a 1.1/1.2, b 1.3/1.4)" in fired[0].reason


def test_the_longest_queue_is_named_and_open_orders_are_none() -> None:
    stages = {
        "broker": [reading("broker", "paper-1", queue=9_999)],
        "execution-engine": [reading("execution-engine", "paper-1", queue=6_000)],
    }
    found = queue_reading(stages, {"hl:celery:control": 12}, 1)
    assert (found.value, found.detail) == (D(6_000), "execution-engine paper-1")
    rig = Rig()
    for step in range(10):
        rig.look(phase="ended", others=[queue_reading(stages, {}, step)])
    assert rig.breaches() == [("queue-backlog", "firm")]


def test_a_slow_database_fires_by_its_readings_not_by_our_looks() -> None:
    rig = Rig()
    for _ in range(50):
        rig.look(phase="ended", others=[Reading("database-slow", "firm", D(1_500), 1)])
    assert rig.breaches() == []
    for step in range(2, 7):
        rig.look(phase="ended", others=[Reading("database-slow", "firm", D(1_500), step)])
    assert rig.breaches() == [("database-slow", "firm")]


def _desk(**known: Any) -> Rig:
    rig = Rig(found=plain_settings())
    rig.books = Books(
        as_of=utc_from_ns(rig.wall_ns),
        accounts=(AccountRow("paper-1", "Paper One", live=False),),
        strategies=(strategy_row(),),
    )
    values = {"rungs": {"mom-eurusd": "live"}, **known}
    rig.keeper.known = replace(rig.keeper.known, **values)
    return rig


@pytest.mark.parametrize(
    ("signals", "orders", "known", "fires"),
    [
        (12, 0, {}, True),
        (12, 3, {}, False),
        (5, 0, {}, False),
        (12, 0, {"rungs": {"mom-eurusd": "monitor"}}, False),
        (12, 0, {"rungs": {}}, False),
        (12, 0, {"held": frozenset({"venue:paper-1"})}, False),
        (12, 0, {"held": frozenset({"venue:paper-2"})}, True),
    ],
)
def test_signals_that_become_no_order_fire(
    signals: int, orders: int, known: dict[str, Any], fires: bool
) -> None:
    rig = _desk(**known)
    rig.activity = Activity({"mom-eurusd": signals}, {"mom-eurusd": orders})
    for _ in range(5):
        rig.look(phase="ended")
    assert rig.breaches() == ([("sized-zero", "strategy:mom-eurusd")] if fires else [])


@given(
    st.lists(
        st.tuples(st.integers(0, 5 * NS), st.one_of(st.none(), st.integers(-2 * NS, 600 * NS))),
        max_size=30,
    )
)
def test_a_sign_of_life_is_not_taken_back_by_a_store_with_older_data(
    looks: list[tuple[int, int | None]],
) -> None:
    """It grows old by the clock alone: what is read later may make it younger, never older."""
    signs, now, last = Signs(), 1_000 * NS, None
    for later, ago in looks:
        now += later
        found = signs.latest(Heard("feed main", ago), now).ago_ns
        if last is None:
            assert found == (None if ago is None else max(ago, 0))
        else:
            assert found is not None
            assert found == min(last + later, last + later if ago is None else max(ago, 0))
        last = found
