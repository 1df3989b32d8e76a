"""Kept connections: used again, and never the reason that a gateway is not reached."""

import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from riskctl.brakes_home import BrakesHome
from riskctl.control import ControlError, HoldTaken, TellHold
from riskctl.holds import HoldFact, Kind, Mode
from riskctl.links import Links
from riskctl.registered import Registered, on_disk
from tests.support.gateways import FakeGateway, fake_gateways

ANSWER_S = 1.0


@pytest.fixture
def home(tmp_path: Path) -> BrakesHome:
    made = BrakesHome(tmp_path / "brakes")
    made.create()
    return made


@pytest.fixture
def gateway(home: BrakesHome) -> Iterator[FakeGateway]:
    with fake_gateways(home, "alpha") as found:
        yield found["alpha"]


@pytest.fixture
def links(home: BrakesHome) -> Iterator[Links]:
    made = Links(home.control_key())
    yield made
    made.close()


def registered(home: BrakesHome) -> Registered:
    return on_disk(home)["alpha"]


def tell(links: Links, one: Registered) -> HoldTaken:
    hold = HoldFact(
        id=str(uuid.uuid4()), scope="firm", kind=Kind.PAUSE, mode=Mode.HALTED, cancels=False,
        protective_too=False, reason="test", placed_by="test", actor_kind="person",
        placed_wall_ns=1,
    )  # fmt: skip
    request = TellHold(hold)
    sent = links.send(request)
    return links.ask(one, request, HoldTaken, answer_s=ANSWER_S, sent=sent.pop(one, None))


def test_the_next_stop_finds_the_connection_of_the_last(
    home: BrakesHome, gateway: FakeGateway, links: Links
) -> None:
    for _ in range(3):
        assert tell(links, registered(home)).account == "alpha"
    assert (len(gateway.told), gateway.connections) == (3, 1)


def test_a_kept_connection_that_was_cut_is_none(
    home: BrakesHome, gateway: FakeGateway, links: Links
) -> None:
    tell(links, registered(home))
    gateway.cut()
    assert tell(links, registered(home)).account == "alpha"
    assert (len(gateway.told), gateway.connections) == (2, 2)


def test_a_kept_connection_that_is_silent_is_not_waited_for(
    home: BrakesHome, gateway: FakeGateway, links: Links
) -> None:
    """Its network is gone without a word: over a fresh connection the gateway answers."""
    tell(links, registered(home))
    gateway.mute_first = True
    assert tell(links, registered(home)).account == "alpha"
    assert gateway.connections == 2


def test_another_gateway_in_its_place_is_reached_anew(
    home: BrakesHome, gateway: FakeGateway, links: Links
) -> None:
    tell(links, registered(home))
    tell(links, replace(registered(home), token=9))
    assert gateway.connections == 2


def test_a_gateway_that_is_not_there_is_an_error(
    home: BrakesHome, gateway: FakeGateway, links: Links
) -> None:
    tell(links, registered(home))
    gateway.close()
    with pytest.raises(ControlError, match="gateway at"):
        tell(links, registered(home))
