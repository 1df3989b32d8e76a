"""The demo desk's records: accounts and their credentials, strategies, limits, leases."""

import datetime as dt
import json
import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction

from console.access.desks import desk_set, membership_set
from console.access.roles import roles_reconcile
from console.demo import (
    ACCOUNTS,
    ADAPTER,
    DESKS,
    FIRM_LIMITS,
    RECORDED,
    REHEARSAL,
    STRATEGIES,
    DemoStrategy,
    account_limits,
)
from console.models import Desk
from riskctl.actors import system_actor
from riskctl.models import Lease, Limit
from trading.feeds.files import open_file
from trading.feeds.spec import LINES_TRIED, parse_feed, records
from trading.models import Strategy, VenueAccount
from trading.venues.credentials import (
    CredentialsError,
    credentials_keys,
    credentials_write,
    read_credentials,
)

_LONG_AGO = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
ADMIN = "admin"


def roles_prepare() -> list[str]:
    """Roles as the code has them; what differed, in words."""
    return roles_reconcile(actor=system_actor("desk start"))


def desks_prepare(wanted: Sequence[DemoStrategy]) -> None:
    """Desks are made once, with their people; a strategy that is new joins the desk of its account.

    Who was taken off a desk since stays off it.
    """
    actor = system_actor("desk start")
    with transaction.atomic():
        for one in DESKS:
            known = Desk.objects.filter(key=one.key).first()
            keys = {it.key for it in wanted if it.account in one.accounts}
            if known is not None:
                keys |= set(known.strategies.values_list("key", flat=True))
            desk = desk_set(
                key=one.key,
                title=known.title if known else one.title,
                strategies=keys,
                rights=known.rights if known else one.rights,
                actor=actor,
            )
            if known is None:
                for user in User.objects.filter(username__in=one.people):
                    membership_set(user, desk, member=True)


def leases_prepare(shards: int) -> None:
    """A row, free to be claimed, for everything that one process at a time may host."""
    wanted = {f"{role}:main": role for role in ("feed", "portfolio", "watchdog", "sequencer")}
    if records(settings.FEED, settings.RECORD_DAYS):
        wanted["recorder:main"] = "recorder"
    wanted |= {f"shard:{number}": "shard" for number in range(shards)}
    accounts = VenueAccount.objects.values_list("name", flat=True)
    wanted |= {f"gateway:{account}": "gateway" for account in accounts}
    for name, role in wanted.items():
        Lease.objects.get_or_create(
            name=name,
            defaults={"role": role, "expires_at": _LONG_AGO, "renewed_at": _LONG_AGO},
        )
    Lease.objects.filter(role__in=("shard", "recorder")).exclude(name__in=wanted).delete()


def accounts_prepare(address: str) -> None:
    """``address`` is the paper venue's host:port of this start."""
    for one in ACCOUNTS:
        VenueAccount.objects.update_or_create(
            name=one.name,
            defaults={"venue": one.venue, "adapter": ADAPTER, "address": address},
            create_defaults={
                "venue": one.venue, "adapter": ADAPTER, "address": address, "live": False,
            },
        )  # fmt: skip
    others = VenueAccount.objects.filter(name__in=[one.name for one in ACCOUNTS])
    others.exclude(name=REHEARSAL.name).update(rehearsal=REHEARSAL.name)


def demo_strategies(feed: str, speed: str) -> tuple[DemoStrategy, ...]:
    """The demo's strategies, and those for what ``feed`` replays that nothing else quotes.

    Raises trading.feeds.spec.FeedSpecError when ``feed`` cannot be read.
    """
    names: set[str] = set()
    for path in parse_feed(feed, speed).paths:
        with open_file(path) as lines:
            first = [lines.readline(200).split(b",") for _ in range(LINES_TRIED)]
        names |= {one[1].decode(errors="replace") for one in first if len(one) > 1}
    return STRATEGIES + tuple(one for symbol, one in RECORDED.items() if symbol in names)


def strategies_prepare(wanted: Sequence[DemoStrategy], shards: int) -> None:
    """Strategies are made once and then belong to their people; only the shard is set again."""
    for number, one in enumerate(wanted):
        shard = number % shards
        strategy, created = Strategy.objects.get_or_create(
            key=one.key,
            defaults={
                "kind": one.kind,
                "owner": one.owner,
                "account_id": one.account,
                "symbols": list(one.symbols),
                "parameters": one.parameters,
                "size_notional": one.size,
                "shard": shard,
            },
        )
        if not created and strategy.shard != shard:
            strategy.shard = shard
            strategy.save(update_fields=["shard"])
    # One made for an earlier recording may stand on a shard that is no more.
    Strategy.objects.filter(shard__gte=shards).update(shard=0)


def limits_prepare(wanted: Sequence[DemoStrategy]) -> None:
    """Limits are made once; what people changed since stays."""
    limits = {"firm": FIRM_LIMITS}
    limits |= {f"account:{one.name}": account_limits(one) for one in ACCOUNTS}
    limits |= {f"strategy:{one.key}": one.limits() for one in wanted}
    Limit.objects.bulk_create(
        [
            Limit(scope=scope, kind=kind, value=value)
            for scope, values in limits.items()
            for kind, value in values.items()
        ],
        ignore_conflicts=True,
    )


def credentials_prepare(path: Path, exchange: Path) -> None:
    """Keys to the paper venue's accounts, and to its faults; kept when they are complete.

    ``exchange`` is the venue's own list, in the clear as an exchange knows its customers' keys;
    ``path`` is ours, and sealed.
    """
    known = _accounts(exchange) or {
        one: entry for one, entry in _accounts(path).items() if isinstance(entry, dict)
    }
    missing = sorted(({one.name for one in ACCOUNTS} | {ADMIN}) - set(known))
    for name in missing:
        known[name] = {"key": f"{name}-{secrets.token_hex(4)}", "secret": secrets.token_urlsafe(32)}
    if known != _accounts(exchange):
        exchange.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write(exchange, known)
    ours = {name: entry for name, entry in known.items() if name != ADMIN}
    if not _opens(path, ours):
        if not _readable(path):
            path.unlink(missing_ok=True)
        credentials_write(path, ours)  # accounts at exchanges stay


def _accounts(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _readable(path: Path) -> bool:
    try:
        credentials_keys(path)
    except CredentialsError:
        return False
    return True


def _opens(path: Path, wanted: dict[str, Any]) -> bool:
    """Whether our file is sealed, and says what the venue's does."""
    try:
        return set(credentials_keys(path)) >= set(wanted) and all(
            read_credentials(path, name) == entry for name, entry in wanted.items()
        )
    except CredentialsError:
        return False


def _write(path: Path, known: dict[str, Any]) -> None:
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(fd, "w") as out:
        out.write(json.dumps(known, indent=2) + "\n")
    fresh.replace(path)
