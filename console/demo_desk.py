"""The demo desk's records: accounts and their credentials, strategies, limits, leases."""

import datetime as dt
import json
import os
import secrets
from pathlib import Path

from django.contrib.auth.models import Group

from console.demo import (
    ACCOUNTS,
    ADAPTER,
    FIRM_LIMITS,
    ROLES,
    STRATEGIES,
    account_limits,
)
from riskctl.models import Lease, Limit
from trading.models import Strategy, VenueAccount

_LONG_AGO = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
ADMIN = "admin"


def roles_prepare() -> None:
    for role in ROLES:
        Group.objects.get_or_create(name=role)


def leases_prepare(shards: int) -> None:
    """A row, free to be claimed, for everything that one process at a time may host."""
    wanted = {"feed:main": "feed", "portfolio:main": "portfolio", "watchdog:main": "watchdog"}
    wanted |= {f"shard:{number}": "shard" for number in range(shards)}
    accounts = VenueAccount.objects.values_list("name", flat=True)
    wanted |= {f"gateway:{account}": "gateway" for account in accounts}
    for name, role in wanted.items():
        Lease.objects.get_or_create(
            name=name,
            defaults={"role": role, "expires_at": _LONG_AGO, "renewed_at": _LONG_AGO},
        )
    Lease.objects.filter(role="shard").exclude(name__in=wanted).delete()


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


def strategies_prepare(shards: int) -> None:
    """Strategies are made once and then belong to their people; only the shard is set again."""
    for number, one in enumerate(STRATEGIES):
        shard = number % shards
        strategy, created = Strategy.objects.get_or_create(
            key=one.key,
            defaults={
                "kind": one.kind,
                "owner": one.owner,
                "account_id": one.account,
                "symbols": list(one.symbols),
                "size_notional": one.size,
                "shard": shard,
            },
        )
        if not created and strategy.shard != shard:
            strategy.shard = shard
            strategy.save(update_fields=["shard"])


def limits_prepare() -> None:
    """Limits are made once; what people changed since stays."""
    wanted = {"firm": FIRM_LIMITS}
    wanted |= {f"account:{one.name}": account_limits(one) for one in ACCOUNTS}
    wanted |= {f"strategy:{one.key}": one.limits() for one in STRATEGIES}
    Limit.objects.bulk_create(
        [
            Limit(scope=scope, kind=kind, value=value)
            for scope, limits in wanted.items()
            for kind, value in limits.items()
        ],
        ignore_conflicts=True,
    )


def credentials_prepare(path: Path) -> None:
    """Keys to the paper venue's accounts, and to its faults; kept when they are complete."""
    wanted = {one.name for one in ACCOUNTS} | {ADMIN}
    try:
        known = json.loads(path.read_text())
    except (OSError, ValueError):
        known = {}
    if wanted <= set(known):
        return
    for name in sorted(wanted - set(known)):
        known[name] = {"key": f"{name}-{secrets.token_hex(4)}", "secret": secrets.token_urlsafe(32)}
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(fd, "w") as out:
        out.write(json.dumps(known, indent=2) + "\n")
    fresh.replace(path)
