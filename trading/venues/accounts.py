"""Accounts at real exchanges: which there are adapters for, and how one is made known."""

import re
import time
from collections.abc import Mapping
from pathlib import Path

from django.db import transaction
from django.utils import timezone

from audit.record import record
from riskctl.actors import Actor
from riskctl.models import Lease
from trading.models import VenueAccount
from trading.venues.ccxt_markets import MarketSetupError, parse_symbols
from trading.venues.ccxt_venue import CcxtVenue, KrakenFuturesVenue
from trading.venues.credentials import credentials_write
from trading.venues.registry import VenueSetupError

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,22}")
"""Short enough that the ids of its orders, which begin with it, fit their column."""

EXCHANGES: Mapping[str, type[CcxtVenue]] = {"krakenfutures": KrakenFuturesVenue}


def venue_account_set(
    *, name: str, venue: str, exchange: str, address: str, symbols: str, live: bool,
    margin: bool, rehearsal: str, keys: Mapping[str, str], credentials: Path, actor: Actor,
) -> VenueAccount:  # fmt: skip
    """Make an account at an exchange known, or known anew, with its keys on this host.

    What was traded on it before is not the desk's. Raises VenueSetupError, CredentialsError,
    audit.keys.KeyStoreError.
    """
    if not _NAME.fullmatch(name):
        raise VenueSetupError(f"{name}: a name has 1 to 23 small letters, digits and hyphens")
    adapter = _adapter(name, exchange, address, symbols, live=live)
    known = VenueAccount.objects.filter(name=name).first()
    if known is not None and known.adapter != adapter:
        raise VenueSetupError(f"{name}: is an account of another adapter, {known.adapter}")
    facts = {
        "venue": venue, "adapter": adapter, "address": address, "live": live,
        "margin": margin, "rehearsal_id": rehearsal or None,
    }  # fmt: skip
    _check_rehearsing(name, rehearsal, live=live)
    if known is None:
        entry = {**keys, "symbols": symbols, "since": str(time.time_ns())}
    else:
        entry = {**keys, "symbols": symbols}
    with transaction.atomic():
        account, _ = VenueAccount.objects.update_or_create(name=name, defaults=facts)
        Lease.objects.get_or_create(
            name=f"gateway:{name}",
            defaults={
                "role": "gateway", "expires_at": timezone.now(), "renewed_at": timezone.now(),
            },
        )  # fmt: skip
        record(
            action="account.set",
            actor_kind=actor.kind,
            actor=actor.name,
            object_kind="account",
            object_id=name,
            source=actor.source,
            after={**facts, "symbols": symbols},
        )
        credentials_write(credentials, {name: entry}, keep=("since",))
    return account


def _check_rehearsing(name: str, rehearsal: str, *, live: bool) -> None:
    """Nobody rehearses with real money: the rung paper asks for no gate."""
    paper = VenueAccount.objects.filter(name=rehearsal, live=False).exclude(name=name)
    if rehearsal and not paper.exists():
        raise VenueSetupError(f"{name}: rehearsal: there is no paper account {rehearsal}")
    others = VenueAccount.objects.filter(rehearsal=name).order_by("name")
    if live and others:
        words = ", ".join(one.name for one in others)
        raise VenueSetupError(f"{name}: live: it is the rehearsal of {words}: give that another")


def _adapter(name: str, exchange: str, address: str, symbols: str, *, live: bool) -> str:
    """Dotted path of the exchange's adapter, when it can do what is asked of it."""
    kind = EXCHANGES.get(exchange)
    if kind is None:
        known = ", ".join(sorted(EXCHANGES))
        raise VenueSetupError(f"{name}: exchange {exchange!r}: there are adapters for {known}")
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise VenueSetupError(f"{name}: address {address!r}: must be host:port")
    try:
        parse_symbols(symbols)
    except MarketSetupError as error:
        raise VenueSetupError(f"{name}: {error}") from error
    lacking = kind.dialect.capabilities.missing_for_live() if live else []
    if lacking:
        raise VenueSetupError(f"{name}: live needs what {exchange} lacks: {', '.join(lacking)}")
    return f"{kind.__module__}.{kind.__name__}"
