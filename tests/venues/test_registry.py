"""From an account's facts to its adapter, with one clear line when they are wrong."""

import json
from pathlib import Path

import pytest

from trading.venues.base import Venue
from trading.venues.lockstep import LockstepExchange, LockstepVenue
from trading.venues.paper import PaperVenue
from trading.venues.registry import VenueSetupError, read_credentials, venue_of

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


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (None, "No such file"),
        ("nonsense", "must be JSON"),
        ("[1]", "must be JSON"),
        ("{}", "paper-1"),
        (json.dumps({"paper-1": {"key": "k"}}), "secret"),
    ],
)
def test_wrong_credentials_are_named(tmp_path: Path, content: str | None, named: str) -> None:
    file = tmp_path / "credentials.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(VenueSetupError, match=named):
        read_credentials(file, "paper-1")


def test_credentials_are_read(tmp_path: Path) -> None:
    file = tmp_path / "credentials.json"
    file.write_text(json.dumps({"paper-1": KEYS}))
    assert read_credentials(file, "paper-1") == KEYS
