"""Stop-losses by percentage: one stop a position, that follows it and nothing else."""

import pytest

from riskctl.holds import Kind, Mode
from tests.gateway.builders import ACCOUNT, STRATEGY, SYMBOL
from tests.gateway.guarded import OTHER, D, Guarded, ask
from tests.gateway.test_holds import hold
from trading.gateway.stoploss import StopState, stop_price
from trading.messages import OrderType, Side


@pytest.fixture
def desk() -> Guarded:
    return Guarded()


def test_each_position_gets_a_reduce_only_stop_of_the_whole_of_it(desk: Guarded) -> None:
    desk.hold("10000")
    (line,) = desk.set(ask())
    assert (line.state, line.side, line.stop_price, line.covered) == (
        "resting", "sell", "1.07805", "10000",
    )  # fmt: skip
    assert (line.position, line.entry_price, line.mark) == ("10000", "1.10005", "1.10005")
    assert line.loss == "220.00"
    (new,) = [one for one in desk.rig.sent if one.order_type is OrderType.STOP]
    assert (new.reduce_only, new.client_order_id) == (True, line.order)
    order = desk.core.book.order(line.order)
    assert order is not None
    assert (order.warrant, order.strategy) == (ask().id, STRATEGY)
    desk.hold("-5000")
    desk.settle()
    assert desk.resting() == [], "turned over"
    (line,) = desk.set(ask(2))
    assert (line.side, line.stop_price, line.covered) == ("buy", "1.12205", "5000")


@pytest.mark.parametrize(
    ("side", "mid", "percentage", "price"),
    [
        (Side.SELL, "1.10005", "2", "1.07805"),
        (Side.BUY, "1.10005", "2", "1.12205"),
        (Side.SELL, "100", "0.01", "99.99"),
        (Side.BUY, "100", "50", "150"),
    ],
)
def test_the_price_is_never_further_away_than_asked(
    side: Side, mid: str, percentage: str, price: str
) -> None:
    found = stop_price(D(mid), D(percentage), side, D("0.00001"))
    assert found == D(price)
    assert side.sign * (found - D(mid) * (1 + side.sign * D(percentage) / 100)) <= 0


@pytest.mark.parametrize(
    ("side", "step", "price"),
    [
        (Side.SELL, "1", "98"), (Side.BUY, "1", "103"), (Side.SELL, "0.01", "98.0"),
        (Side.SELL, "0.25", "98.0"), (Side.BUY, "0.25", "103.0"),
    ],
)  # fmt: skip
def test_the_price_is_on_the_venues_grid_and_the_desks(side: Side, step: str, price: str) -> None:
    mid = D("99.95") if side is Side.SELL else D("101.35")
    found = stop_price(mid, D(2), side, D("0.1"), D(step))
    assert found == D(price)
    assert found % D(step) == found % D("0.1") == 0


def test_a_stop_rests_on_the_venues_coarser_grid(desk: Guarded) -> None:
    desk.step = D("0.001")
    desk.hold("10000")
    desk.set(ask())
    assert desk.resting() == [("sell", D(10000), D("1.079"))], "nearer than 1.07805, not further"


def test_it_follows_its_position_down_and_never_up(desk: Guarded) -> None:
    desk.hold("10000")
    desk.set(ask())
    desk.hold("4000")
    desk.settle()
    assert desk.resting() == [("sell", D(4000), D("1.07805"))]
    desk.hold("9000")
    desk.settle()
    assert desk.resting() == [("sell", D(4000), D("1.07805"))], "5000 are not covered, and said so"
    assert desk.stop().quantity == 4000
    desk.set(ask(2))
    assert desk.resting() == [("sell", D(9000), D("1.07805"))]
    desk.hold("0")
    desk.settle()
    assert desk.resting() == []
    assert (desk.stop().state, desk.stop().why) == (StopState.ENDED, "the position is closed")
    desk.hold("3000")
    desk.settle()
    assert desk.resting() == [], "what is opened afterwards is another position"


def test_two_of_one_position_never_stand_together(desk: Guarded) -> None:
    desk.hold("10000")
    desk.set(ask())
    desk.hold("6000")
    desk.turn()
    assert [one.left for one in desk.venue.stops()] == []
    stops = [one for one in desk.rig.sent if one.order_type is OrderType.STOP]
    assert len(stops) == 1, "the second waits for the venue's word on the first"
    desk.settle()
    assert desk.resting() == [("sell", D(6000), D("1.07805"))]


def test_a_fresh_call_moves_it_towards_the_price_only(desk: Guarded) -> None:
    desk.hold("10000")
    desk.set(ask())
    desk.set(ask(2, "5"))
    assert (desk.stop().stop_price, desk.stop().percentage) == (D("1.07805"), D(2))
    desk.set(ask(3, "1"))
    assert desk.resting() == [("sell", D(10000), D("1.08905"))]
    desk.price("1.20000")
    desk.set(ask(4, "2"))
    assert desk.resting() == [("sell", D(10000), D("1.17600"))]
    before = len(desk.rig.sent)
    assert desk.set(ask(4, "2"))[0].state == "resting"
    assert len(desk.rig.sent) == before, "the same request again changes nothing"


def test_reached_it_closes_and_is_the_strategys_fill(desk: Guarded) -> None:
    desk.hold("10000")
    (line,) = desk.set(ask())
    desk.price("1.07000")
    desk.settle()
    assert desk.core.book.holding(STRATEGY, SYMBOL).quantity == 0
    assert desk.stop().state is StopState.ENDED
    assert desk.rig.state(line.order) == "filled"
    assert desk.venue.fills[-1].client_order_id == line.order
    desk.hold("10000")
    desk.settle()
    assert desk.resting() == []


def test_what_grew_beyond_it_is_not_closed_with_it(desk: Guarded) -> None:
    desk.hold("10000")
    desk.set(ask())
    desk.hold("15000")
    desk.price("1.07000")
    desk.settle(30)
    assert desk.core.book.holding(STRATEGY, SYMBOL).quantity == 5000
    assert desk.stop().state is StopState.ENDED


def test_a_strategy_neither_counts_it_nor_can_cancel_it(desk: Guarded) -> None:
    desk.hold("10000")
    (line,) = desk.set(ask())
    book = desk.core.book
    assert book.in_flight(STRATEGY, SYMBOL) == 0
    assert book.open_count() == 0
    stop = book.order(line.order)
    assert stop is not None
    assert book.exposures(stop, {SYMBOL: D("1.1")})[0].before == D(11_000)
    desk.perform(desk.rig.cancel(line.order))
    desk.hold("12000")
    desk.settle()
    assert len(desk.resting()) == 1


def test_a_kill_leaves_it_and_a_kill_of_protective_ones_ends_it(desk: Guarded) -> None:
    desk.hold("10000")
    desk.set(ask())
    desk.perform(desk.stopping.apply(hold(1, kind=Kind.KILL, cancels=True), desk.rig.now()))
    desk.settle()
    assert len(desk.resting()) == 1
    assert desk.set(ask(2, "1"))[0].state == "resting", "it lowers risk: allowed while halted"
    assert desk.stopping.in_flight(hold(1, cancels=True), 0) == []
    named = hold(2, kind=Kind.KILL, cancels=True, protective_too=True)
    desk.perform(desk.stopping.apply(named, desk.rig.now()))
    desk.settle(30)
    assert desk.resting() == []
    assert desk.stop().state is StopState.ENDED
    assert "kill on firm" in desk.stop().why


def test_cancelling_protective_ones_by_name_ends_it(desk: Guarded) -> None:
    desk.hold("10000")
    desk.set(ask())
    _, effects = desk.stopping.cancel_scope("firm", "x", desk.rig.now(), protective_too=False)
    assert effects == []
    _, effects = desk.stopping.cancel_scope("firm", "x", desk.rig.now(), protective_too=True)
    desk.perform(effects)
    desk.settle(30)
    assert (desk.resting(), desk.stop().state) == ([], StopState.ENDED)


def test_a_cancel_that_was_lost_with_its_connection_is_asked_again(desk: Guarded) -> None:
    desk.hold("10000")
    desk.set(ask())
    desk.connected = False
    desk.perform(desk.stopping.cancel_scope("firm", "x", desk.rig.now(), protective_too=True)[1])
    desk.ask_venue()
    desk.settle(30)
    assert desk.resting() == []


def test_what_the_venue_took_back_is_sent_again(desk: Guarded) -> None:
    """Kraken's dead man's switch takes protective stops as well."""
    desk.hold("10000")
    desk.set(ask())
    desk.venue.cancel(desk.venue.stops()[0].new.client_order_id)
    desk.settle()
    assert desk.resting() == [("sell", D(10000), D("1.07805"))]
    assert desk.stop().orders == 2


def test_frozen_lets_none_leave_and_keeps_what_rests(desk: Guarded) -> None:
    desk.hold("10000")
    desk.set(ask())
    frozen = hold(1, kind=Kind.KILL, mode=Mode.FROZEN, cancels=True)
    desk.perform(desk.stopping.apply(frozen, desk.rig.now()))
    (line,) = desk.set(ask(2, "1"))
    assert (line.state, line.not_as_asked) == ("resting", True)
    assert "FROZEN" in line.why
    assert desk.resting() == [("sell", D(10000), D("1.07805"))]
    desk.venue.cancel(desk.venue.stops()[0].new.client_order_id)
    desk.price("1.00000")
    desk.settle(30)
    assert (desk.resting(), len(desk.venue.fills)) == ([], 1)
    assert "FROZEN" in desk.stop().why
    assert desk.stop().blind


def test_a_tightening_that_could_not_be_is_told_and_what_stood_stands(desk: Guarded) -> None:
    desk.hold("10000")
    desk.set(ask())
    desk.rig.later(40_000)  # the feed falls silent
    (line,) = desk.set(ask(2, "1"))
    assert (line.state, line.stop_price, line.not_as_asked) == ("resting", "1.07805", True)
    assert line.why.startswith("FEED_SILENT")
    assert desk.resting() == [("sell", D(10000), D("1.07805"))]


def test_watching_without_a_price_is_blind_until_there_is_one(desk: Guarded) -> None:
    desk.rests = False
    desk.hold("10000")
    assert desk.set(ask())[0].blind is False
    desk.rig.later(40_000)
    desk.settle()
    assert desk.stop().blind
    desk.price("1.10000")
    desk.settle()
    assert not desk.stop().blind


def test_where_the_venue_has_none_the_gateway_watches_and_closes(desk: Guarded) -> None:
    desk.rests = False
    desk.hold("10000")
    (line,) = desk.set(ask())
    assert (line.state, line.why) == ("watched", "the venue has no reduce-only stops")
    desk.price("1.07900")
    desk.settle()
    assert len(desk.venue.fills) == 1
    desk.price("1.07000")
    desk.settle()
    closing = desk.rig.sent[-1]
    assert (closing.order_type, closing.reduce_only) == (OrderType.MARKET, True)
    assert desk.core.book.holding(STRATEGY, SYMBOL).quantity == 0
    assert desk.stop().state is StopState.ENDED


def test_a_watched_one_is_blind_without_prices_and_says_so(desk: Guarded) -> None:
    desk.rests = False
    desk.hold("10000")
    desk.set(ask())
    desk.rig.later(31_000)
    desk.turn()
    assert desk.stop().why.startswith("blind, FEED_SILENT")


def test_a_position_netted_away_at_the_venue_is_watched(desk: Guarded) -> None:
    """The venue lets no reduce-only order stand that its net position is too small for."""
    desk.hold("10000")
    desk.hold("-4000", OTHER)
    lines = {one.strategy: one for one in desk.set(ask())}
    assert {name: one.state for name, one in lines.items()} == {
        STRATEGY: "watched", OTHER: "watched",
    }  # fmt: skip
    assert "net of other strategies" in lines[STRATEGY].why
    desk.hold("0", OTHER)
    desk.settle()
    assert desk.resting() == [("sell", D(10000), D("1.07805"))], "it rests as soon as it can"


def test_what_is_refused_says_why_and_changes_nothing(desk: Guarded) -> None:
    desk.hold("10000")
    (line,) = desk.set(ask(1, "0.01", dry_run=True))
    assert (line.state, line.why) == ("would-rest", "")
    desk.rests = False
    (line,) = desk.set(ask(1, "0.01", dry_run=True))
    assert (line.state, line.why) == ("would-watch", "the venue has no reduce-only stops")
    desk.rig.quote("1.09", "1.11")
    (line,) = desk.set(ask(1, "0.5"))
    assert (line.state, line.why[:9]) == ("refused", "TOO_CLOSE")
    desk.rig.later(31_000)
    (line,) = desk.set(ask(2))
    assert (line.state, line.why[:11]) == ("refused", "FEED_SILENT")
    assert [one for one in desk.rig.sent if one.order_type is OrderType.STOP] == []


def test_scope_symbols_and_dry_run(desk: Guarded) -> None:
    desk.hold("10000")
    for scope in ("firm", f"venue:{ACCOUNT}", f"strategy:{STRATEGY}", f"instrument:{SYMBOL}"):
        assert len(desk.set(ask(scope=scope, dry_run=True))) == 1
    for scope, symbols in (("strategy:other", ()), ("firm", ("GBPUSD",))):
        assert desk.set(ask(scope=scope, symbols=symbols)) == []
    assert desk.resting() == []
    rehearsing = Guarded()
    rehearsing.core.rehearsal = True
    rehearsing.hold("10000")
    assert rehearsing.set(ask(dry_run=True)) == []
    assert len(rehearsing.set(ask(scope=f"venue:{ACCOUNT}", dry_run=True))) == 1


def test_it_makes_room_for_a_flattening_and_comes_back_if_that_ends(desk: Guarded) -> None:
    desk.hold("10000")
    desk.set(ask())
    assert desk.protection.open_in("firm")
    desk.warranted.add(STRATEGY)
    desk.settle()
    assert (desk.resting(), desk.protection.open_in("firm")) == ([], False)
    desk.warranted.clear()
    desk.settle()
    assert len(desk.resting()) == 1


def test_a_lost_answer_is_asked_for_and_never_sent_again(desk: Guarded) -> None:
    desk.hold("10000")
    desk.protection.set(ask(), desk.rig.now())
    desk.turn()
    desk.venue.events.clear()
    desk.rig.later(1_100)
    desk.perform(desk.core.on_time(desk.rig.now()))
    desk.turn()
    assert desk.stop().state is StopState.PENDING
    desk.ask_venue()
    desk.settle()
    assert desk.resting() == [("sell", D(10000), D("1.07805"))]
    assert desk.stop().orders == 1


def in_doubt(desk: Guarded, *, taken: bool) -> None:
    """The venue tells nothing of the stop any more, and has it or ``taken`` it back."""
    desk.mute = True
    if taken:
        desk.venue.cancel(desk.venue.stops()[0].new.client_order_id)
    desk.ask_venue()
    desk.settle(5)
    assert desk.stop().state is StopState.PENDING, "for a while it is waited for"
    desk.settle(20)
    assert desk.stop().state is StopState.WATCHED
    assert desk.stop().why.startswith("the venue does not tell whether its stop rests")


def test_a_stop_of_which_the_venue_tells_nothing_is_watched_meanwhile(desk: Guarded) -> None:
    desk.hold("10000")
    (line,) = desk.set(ask())
    in_doubt(desk, taken=True)
    desk.price("1.07900")
    desk.settle()
    assert (len(desk.venue.fills), desk.stop().orders, desk.stop().blind) == (1, 1, False)
    desk.price("1.07000")
    desk.settle()
    closing = desk.rig.sent[-1]
    assert (closing.order_type, closing.reduce_only) == (OrderType.MARKET, True)
    assert desk.core.book.holding(STRATEGY, SYMBOL).quantity == 0
    assert desk.stop().state is StopState.ENDED
    assert desk.rig.state(line.order) == "unknown", "what became of it is the venue's to say"
    desk.mute = False
    desk.settle()
    assert list(desk.core.book.open_orders()) == []


def test_told_of_again_it_is_what_the_venue_says(desk: Guarded) -> None:
    desk.hold("10000")
    desk.set(ask())
    in_doubt(desk, taken=False)
    desk.mute = False
    desk.settle()
    assert (desk.stop().state, desk.stop().orders, desk.stop().why) == (StopState.RESTING, 1, "")
    in_doubt(desk, taken=True)
    desk.mute = False
    desk.settle()
    assert (desk.stop().state, desk.stop().orders) == (StopState.RESTING, 2)
    assert desk.resting() == [("sell", D(10000), D("1.07805"))]


def test_a_stop_that_rests_though_it_was_in_doubt_closes_nothing_twice(desk: Guarded) -> None:
    desk.hold("10000")
    desk.set(ask())
    desk.hold("15000")
    in_doubt(desk, taken=False)
    desk.rig.quote("1.06995", "1.07005")  # here before it is there
    desk.turn()
    assert desk.rig.sent[-1].order_type is OrderType.MARKET
    desk.price("1.07000")
    desk.settle()
    assert desk.core.book.holding(STRATEGY, SYMBOL).quantity == 5000, "what grew beyond it stays"
    assert (desk.stop().state, desk.stop().why) == (StopState.ENDED, "reached, and closed")


def test_in_doubt_it_is_not_closed_where_that_could_turn_it_over(desk: Guarded) -> None:
    """The venue's reduce-only guards its net position, which is another strategy's as well."""
    desk.hold("10000")
    desk.set(ask(scope=f"strategy:{STRATEGY}"))
    desk.hold("10000", OTHER)
    in_doubt(desk, taken=True)
    assert desk.stop().blind
    desk.price("1.07000")
    desk.settle()
    assert desk.rig.sent[-1].order_type is not OrderType.STOP
    assert len(desk.venue.fills) == 2, "nothing is closed"
    desk.mute = False
    desk.settle()
    assert desk.core.book.holding(STRATEGY, SYMBOL).quantity == 0, "told, it closes"


@pytest.mark.parametrize("sent", [True, False], ids=["sent", "written-only"])
def test_a_kill_between_writing_and_hearing_leaves_one_stop(desk: Guarded, sent: bool) -> None:
    desk.hold("10000")
    desk.hold_releases = True
    desk.protection.set(ask(), desk.rig.now())
    desk.turn()
    if sent:
        desk.release()
    desk.hold_releases = False
    desk.kill()
    desk.settle(30)
    assert desk.resting() == [("sell", D(10000), D("1.07805"))]
    assert desk.set(ask())[0].state == "resting"
    assert len(desk.resting()) == 1


def test_a_stop_filled_while_nobody_listened_ends_it(desk: Guarded) -> None:
    desk.hold("10000")
    desk.set(ask())
    desk.price("1.07000")
    desk.kill()
    desk.settle()
    assert desk.core.book.holding(STRATEGY, SYMBOL).quantity == 0
    assert desk.stop().state is StopState.ENDED
