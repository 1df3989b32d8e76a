"""The register of gateways, as a caller reads it: from this host's disk, and from the database.

Gateways write themselves down on their own host's disk. Which accounts there are at all, also those
of other hosts, is kept there too: without the database nobody else says who is yet to be told.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from riskctl.brakes_home import BrakesHome, read_all, read_json, write_json

ACCOUNTS_SQL = """
SELECT split_part(lease.name, ':', 2), reg.address, reg.place, reg.pid, reg.start_ticks, reg.token
FROM riskctl_lease lease
LEFT JOIN riskctl_gatewayregister reg ON lease.name = 'gateway:' || reg.account
WHERE lease.role = 'gateway'
"""
"""Every account that may be hosted, with its newest gateway if there ever was one."""


@dataclass(frozen=True, slots=True)
class Registered:
    """Where one account's newest gateway is reached; no address: it never had one."""

    account: str
    address: str = ""
    place: str = ""
    pid: int = 0
    start_ticks: int = 0
    token: int = 0


def from_row(row: tuple[Any, ...]) -> Registered:
    """A row of ``ACCOUNTS_SQL``."""
    account, *rest = row
    return Registered(account) if rest[0] is None else Registered(account, *rest)


def on_disk(home: BrakesHome) -> dict[str, Registered]:
    """By account. Raises ValueError naming a file that is none."""
    entries = (_entry(path, body) for path, body in read_all(home.gateways))
    return {one.account: one for one in entries}


def one_on_disk(home: BrakesHome, account: str) -> Registered | None:
    """Of one account, None when it never had a gateway here. Raises ValueError."""
    path = home.gateways / f"{account}.json"
    body = read_json(path)
    return None if body is None else _entry(path, body)


def accounts_keep(home: BrakesHome, accounts: Iterable[str]) -> None:
    """Remember which accounts there are, in place of a file that is unreadable. Raises OSError."""
    names = sorted(accounts)
    try:
        known = names == sorted(accounts_kept(home) or ())
    except ValueError:
        known = False
    if names and not known:
        write_json(home.accounts, {"accounts": names})


def accounts_kept(home: BrakesHome) -> frozenset[str] | None:
    """Every account as last read from the database; None: no gateway has loaded here and no stop
    been recorded, so nobody knows. Raises ValueError naming the file that is wrong."""
    body = read_json(home.accounts)
    if body is None:
        return None
    names = body.get("accounts")
    if not isinstance(names, list) or not all(isinstance(one, str) for one in names):
        raise ValueError(f"{home.accounts}: accounts is no list of names")
    return frozenset(names)


def _entry(path: Path, body: dict[str, Any]) -> Registered:
    try:
        dt.datetime.fromisoformat(body["registered_at"])
        return Registered(
            **{name: body[name] for name in (
                "account", "address", "place", "pid", "start_ticks", "token",
            )}
        )  # fmt: skip
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: no gateway's entry: {error}") from error


def newest(one: Registered | None, other: Registered) -> Registered:
    """The one with the later fencing token."""
    return other if one is None or other.token >= one.token else one
