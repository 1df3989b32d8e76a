"""From what the desk knows of a venue account to the adapter that speaks to its venue."""

import importlib
from collections.abc import Mapping

from trading.venues.base import Venue

_ROOM = "trading.venues."


class VenueSetupError(ValueError):
    """The account or its adapter is not usable; the message says what to do."""


def venue_of(
    *, adapter: str, account: str, address: str, credentials: Mapping[str, str],
    live: bool = False,
) -> Venue:  # fmt: skip
    """The adapter at dotted path ``adapter`` for one account; it is not yet connected.

    Raises VenueSetupError, also for a ``live`` account whose venue lacks what a stop's proofs need.
    """
    module_name, _, class_name = adapter.rpartition(".")
    if not module_name.startswith(_ROOM):
        raise VenueSetupError(f"adapter {adapter!r} of {account}: must be a class in {_ROOM}*")
    try:
        made = getattr(importlib.import_module(module_name), class_name)
    except (ImportError, AttributeError) as error:
        raise VenueSetupError(f"adapter {adapter!r} of {account}: {error}") from error
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise VenueSetupError(f"address {address!r} of {account}: must be host:port")
    venue: Venue = made(account, address, credentials)
    lacking = venue.capabilities.missing_for_live() if live else []
    if lacking:
        raise VenueSetupError(
            f"{account} is live and its venue offers no {', '.join(lacking)}: a stop could not be"
            " proven there; trade it on paper"
        )
    return venue
