"""What talks to gateways is tested with a stand-in: it and a real gateway answer alike."""

import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

import msgspec
import pytest

from riskctl.brakes_home import BrakesHome
from riskctl.control import (
    AskStanding,
    Cancelling,
    CancelOpen,
    ControlError,
    ControlLink,
    HoldTaken,
    OrderTried,
    SetStops,
    Standing,
    StopsSet,
    TellHold,
    TellWarrant,
    TryOrder,
    Warrant,
    WarrantTaken,
)
from riskctl.holds import HoldFact, Kind, Mode
from riskctl.registered import on_disk
from tests.halting.load import ACCOUNTS
from tests.halting.rig import Rig
from tests.support.gateways import fake_gateways

ACCOUNT = ACCOUNTS[0]
IDLE = "instrument:NOT-TRADED"
QUIET = "BTCUSDT"


@dataclass(frozen=True)
class FarEnd:
    address: str
    key: bytes

    def link(self, key: bytes | None = None) -> ControlLink:
        return ControlLink(self.address, key or self.key, timeout_s=3)


@pytest.fixture(params=["stand-in", "real"])
def far(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FarEnd]:
    if request.param == "real":
        rig: Rig = request.getfixturevalue("rig")
        yield FarEnd(on_disk(rig.desk.home)[ACCOUNT].address, rig.desk.key)
        return
    home = BrakesHome(tmp_path_factory.mktemp("fake") / "brakes")
    home.create()
    with fake_gateways(home, ACCOUNT):
        yield FarEnd(on_disk(home)[ACCOUNT].address, home.control_key())


def hold(mode: Mode = Mode.HALTED, scope: str = IDLE) -> HoldFact:
    return HoldFact(
        id=str(uuid.uuid4()), scope=scope, kind=Kind.PAUSE, mode=mode, cancels=False,
        protective_too=False, reason="contract", placed_by="test", actor_kind="person",
        placed_wall_ns=time.time_ns(),
    )  # fmt: skip


def warrant(hold_id: str) -> Warrant:
    now = time.time_ns()
    return Warrant(
        id=str(uuid.uuid4()), hold_id=hold_id, scope=IDLE, placed_by="test", reason="contract",
        issued_wall_ns=now, expires_wall_ns=now + 60_000_000_000,
    )  # fmt: skip


def test_a_hold_is_taken_kept_and_shown(far: FarEnd) -> None:
    told = hold()
    with far.link() as link:
        taken = link.ask(TellHold(told), HoldTaken)
        standing = link.ask(AskStanding(), Standing)
    assert (taken.account, taken.journalled, taken.leased, taken.in_flight) == (
        ACCOUNT, True, True, [],
    )  # fmt: skip
    assert taken.token > 0
    assert abs(taken.applied_wall_ns - time.time_ns()) < 60_000_000_000
    assert told in standing.holds
    assert (standing.account, standing.token) == (ACCOUNT, taken.token)


def test_the_same_hold_again_is_the_same_hold(far: FarEnd) -> None:
    told = hold()
    with far.link() as link:
        first, second = (link.ask(TellHold(told), HoldTaken) for _ in range(2))
        standing = link.ask(AskStanding(), Standing)
    assert (first.token, first.journalled) == (second.token, second.journalled)
    assert [one.id for one in standing.holds].count(told.id) == 1


def test_the_strictest_mode_is_shown_and_that_it_is_ready(far: FarEnd) -> None:
    with far.link() as link:
        for mode in (Mode.FROZEN, Mode.REDUCE_ONLY):
            link.ask(TellHold(hold(mode)), HoldTaken)
        standing = link.ask(AskStanding(), Standing)
    assert standing.mode is Mode.FROZEN
    assert (standing.loaded, standing.connected) == (True, True)
    assert standing.licence_ms > 0


def test_a_warrant_needs_its_hold(far: FarEnd) -> None:
    told = hold()
    with far.link() as link:
        before = link.ask(TellWarrant(warrant(told.id)), WarrantTaken)
        link.ask(TellHold(told), HoldTaken)
        after = link.ask(TellWarrant(warrant(told.id)), WarrantTaken)
    assert "its hold is not in force here" in before.refused
    assert (after.account, after.refused) == (ACCOUNT, "")


def test_cancelling_names_the_account_and_the_orders(far: FarEnd) -> None:
    with far.link() as link:
        answer = link.ask(CancelOpen(IDLE, "contract"), Cancelling)
    assert (answer.account, answer.orders) == (ACCOUNT, [])


def test_an_order_is_tried_under_a_hold_and_nothing_is_left_of_it(far: FarEnd) -> None:
    with far.link() as link:
        link.ask(TellHold(hold(scope=f"instrument:{QUIET}")), HoldTaken)
        said = link.ask(TryOrder("s00", "shard:0", QUIET, "buy", Decimal(1)), OrderTried)
        left = link.ask(CancelOpen(f"instrument:{QUIET}", "contract"), Cancelling)
    assert left.orders == []
    assert (said.account, said.code) == (ACCOUNT, "HELD")


def test_stop_losses_are_answered_position_by_position(far: FarEnd) -> None:
    asked = SetStops(str(uuid.uuid4()), IDLE, "2", "test", "contract")
    with far.link() as link:
        answer = link.ask(asked, StopsSet)
    assert (answer.account, answer.stops) == (ACCOUNT, [])


def test_whoever_cannot_sign_is_cut_off(far: FarEnd) -> None:
    with far.link(b"another key, of 32 bytes or so.") as link, pytest.raises(ControlError):
        link.ask(TellHold(hold()), HoldTaken)


def test_an_answer_of_another_kind_is_an_error(far: FarEnd) -> None:
    with far.link() as link, pytest.raises(ControlError, match="answered with Standing"):
        link.ask(AskStanding(), HoldTaken)


class Nonsense(msgspec.Struct, tag="nonsense", tag_field="op"):
    """A request that no gateway knows."""


def test_an_unknown_request_is_refused_and_the_next_is_answered(far: FarEnd) -> None:
    with far.link() as link:
        with pytest.raises(ControlError, match="the request cannot be read"):
            link.ask(Nonsense(), HoldTaken)  # type: ignore[arg-type]
        assert link.ask(AskStanding(), Standing).account == ACCOUNT
