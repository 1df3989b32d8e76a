"""From an account's facts to its adapter, with one clear line when they are wrong."""

import pytest

from trading.venues.base import Venue
from trading.venues.lockstep import LockstepExchange, LockstepVenue
from trading.venues.paper import PaperVenue
from trading.venues.registry import VenueSetupError, venue_of

PAPER = "trading.venues.paper.PaperVenue"
KEYS = {"key": "k", "secret": "s"}


def test_the_adapter_is_made_and_is_a_venue() -> None:
    made = venue_of(adapter=PAPER, account="paper-1", address="127.0.0.1:1", credentials=KEYS)
    assert isinstance(made, PaperVenue)
    assert not made.connected
    fake: Venue = LockstepVenue("paper-1", LockstepExchange())
    assert not fake.connected


@pytest.mark.parametrize(
    ("adapter", "address", "named"),
    [
        ("os.path.join", "h:1", "os.path.join"),
        ("trading.venues.none.Venue", "h:1", "trading.venues.none"),
        ("trading.venues.paper.Nothing", "h:1", "Nothing"),
        (PAPER, "nowhere", "nowhere"),
        (PAPER, "host:port", "host:port"),
    ],
)
def test_wrong_facts_are_named(adapter: str, address: str, named: str) -> None:
    with pytest.raises(VenueSetupError, match=named):
        venue_of(adapter=adapter, account="paper-1", address=address, credentials=KEYS)
