"""A desk that trades, stopped: judged from the venue's own log, while things are killed."""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from decimal import Decimal
from functools import partial

import pytest

from riskctl.stoplosses import StopLosses, stop_losses_set
from tests.desk.judge import ACCOUNTS, TRADING, hosted, ready, venue
from tests.desk.stops import (
    RISK,
    brakes_of,
    creates_after,
    held_at_venue,
    lift_pause,
    open_at_venue,
    steps,
    stop,
    stopped,
    wall_ns,
)
from tests.desk.test_kill import wait_until_trading
from tests.desk.test_outages import frozen
from tests.support.desk import Desk, gone, running_desk
from tests.support.resting import rest_orders
from trading.liquidation.service import flatten_order

pytestmark = [pytest.mark.desk, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A desk of this module's own: a strategy that is killed here stays so."""
    with running_desk(tmp_path_factory.mktemp("stops") / "home", FEED="simulated") as running:
        yield running


def everything_quiet_for(desk: Desk, at_ns: int, seconds: float) -> None:
    """``seconds`` pass, and the venue accepts no create in them."""
    until = at_ns + int(seconds * 1e9)
    desk.wait_for(lambda: wall_ns() > until, seconds + 10, "later")
    assert creates_after(desk, at_ns) == []


def everywhere(desk: Desk, hold_id: str, step: str) -> None:
    """The receipt has ``step`` for every account."""
    desk.wait_for(lambda: len(steps(desk, hold_id, step)) == len(ACCOUNTS), 30, step)


def test_one_strategy_is_killed_and_the_others_trade_on(own: Desk) -> None:
    wait_until_trading(own)
    placing = stop(own, "strategy:mom-eurusd")
    after = wall_ns()
    assert placing.effective
    own.wait_for(
        lambda: len(steps(own, placing.hold.id, "none-open")) == len(ACCOUNTS), 10, "swept"
    )
    own.wait_for(lambda: creates_after(own, after), 60, "trading elsewhere")
    assert creates_after(own, after, "mom-eurusd") == []


def test_a_fill_nobody_ordered_stops_its_account(own: Desk) -> None:
    wait_until_trading(own)
    with venue(own) as admin:
        admin.inject_fill("paper-2", "SPY", "buy", "10", "668.40")
    found = "SELECT id, reason FROM riskctl_hold WHERE kind = 'breaker' AND scope = 'venue:paper-2'"
    own.wait_for(lambda: own.sql(found), 10, "stopped")
    assert "ordered by nobody" in own.sql(found)[0][1]
    ((ident, _),) = own.sql(found)
    lift_pause(own, str(ident))
    entry = "SELECT 1 FROM audit_entry WHERE action = 'hold.place' AND object_id = %s"
    assert own.sql(entry, str(ident))


def test_with_the_database_frozen_a_killed_gateway_comes_back_and_cancels(own: Desk) -> None:
    wait_until_trading(own)
    rest_orders(own, 20)
    assert len(open_at_venue(own)) >= 20
    with ExitStack() as ends:  # first of all the database goes on, then the stop ends
        with frozen(own, "postgres"):
            placing = ends.enter_context(stopped(own, "firm", cancels=True))
            after = wall_ns()
            assert placing.effective, placing.body()
            own.wait_for(lambda: not open_at_venue(own), 20, "rid of open orders")
            for account in TRADING:
                os.kill(hosted(own)[f"gateway:{account}"], signal.SIGKILL)
            with venue(own) as admin:
                for account in TRADING:
                    admin.inject_order(account, "EURUSD", "buy", "1000", "1.0")
            own.wait_for(lambda: not open_at_venue(own), 10, "rid of strangers' orders")
            everything_quiet_for(own, after, 2)
        own.wait_for(lambda: steps(own, placing.hold.id, "none-open"), 20, "swept")
        placed = "SELECT placed_at FROM riskctl_hold WHERE id = %s"
        own.wait_for(lambda: own.sql(placed, placing.hold.id), 20, "recorded")
        ((at,),) = own.sql(placed, placing.hold.id)
        assert at.timestamp() * 1e9 <= after, "with the time of the decision"
    wait_until_trading(own)
    no_create_twice(own)


def no_create_twice(desk: Desk) -> None:
    with venue(desk) as admin:
        for account in ACCOUNTS:
            log = [one for one in admin.log(account) if one["kind"] == "accepted"]
            names = [one["client_order_id"] for one in log]
            assert len(names) == len(set(names))


@pytest.mark.last  # nobody will trade on this desk again
def test_a_firm_is_flattened_and_stays_stopped_whatever_dies(own: Desk) -> None:
    desk = own
    wait_until_trading(desk)
    desk.wait_for(lambda: held_at_venue(desk), 60, "holding something")
    protect(desk)
    with frozen(desk, "postgres"):
        done = flatten_order(scope="firm", actor=RISK, reason="test", desk=brakes_of(desk))
        after = wall_ns()
        assert done.placing.effective
        assert sorted(done.taken) == sorted(ACCOUNTS)
        desk.wait_for(lambda: not held_at_venue(desk), 30, "flat while the database hangs")
        kept = {one.stem for one in (desk.home / "brakes" / "entries").glob("*.json")}
        assert kept, "what left unwritten is on this host's disk"
    desk.wait_for(
        lambda: len(steps(desk, done.placing.hold.id, "flat")) == len(ACCOUNTS), 30, "flat"
    )
    assert held_at_venue(desk) == {}
    assert open_at_venue(desk) == []
    closing = warranted(desk)
    entered = (
        "SELECT count(*) FROM audit_entry WHERE action = 'order.intend' AND id::text = ANY(%s)"
    )
    desk.wait_for(lambda: desk.sql(entered, [*kept]) == [(len(kept),)], 30, "in the record")

    for name in ("gateway-1", "postgres", "redis", "watchdog", "gateway-2", "pipeline-1"):
        pid = desk.kill(name, signal.SIGKILL)
        desk.wait_for(partial(gone, pid), 5, f"rid of {name}")
        desk.wait_for(lambda: ready(desk), 30, f"ready again after {name}")
    desk.stop()
    desk.start()
    desk.wait_for(lambda: ready(desk), 60, "ready after a restart of everything")
    desk.wait_for(lambda: wall_ns() > after + 3e9, 10, "later")
    assert set(creates_after(desk, after)) <= closing, "what closed, and nothing else"
    no_create_twice(desk)


def protect(desk: Desk) -> None:
    """Stop-losses, and gateways killed with them: they rest on, one for each that stands."""
    asked = partial(
        stop_losses_set, scope="firm", percentage=Decimal(5), actor=RISK, desk=brakes_of(desk)
    )
    desk.wait_for(lambda: resting(asked()), 30, "protected at the venue")
    for account in TRADING:
        os.kill(hosted(desk)[f"gateway:{account}"], signal.SIGKILL)
    desk.wait_for(lambda: resting(asked()), 30, "protected again")
    rows = desk.sql("SELECT order_id FROM trading_stoploss WHERE state = 'resting'")
    assert rows, "what the gateways keep is written down"


def resting(done: StopLosses) -> bool:
    """Every gateway answered, and something rests."""
    states = [one.state for stops in done.stops.values() for one in stops]
    return not done.failed and "resting" in states


def warranted(desk: Desk) -> set[str]:
    """Ids of the orders that a person's warrant sent."""
    rows = desk.sql("SELECT client_order_id FROM trading_order WHERE warrant IS NOT NULL")
    return {ident for (ident,) in rows}
