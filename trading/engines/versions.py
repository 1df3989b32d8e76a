"""Versions of TradingEngine documents: stored once, compared, never changed."""

from dataclasses import dataclass

from django.db import connection

from audit.differing import Change, changes
from riskctl.actors import Actor
from riskctl.approvals.recording import recorded
from trading.engines.reading import EngineConfig, digest_of
from trading.models import EngineVersion

APPROVAL = "engine-apply"
"""The kind of request by which two people bring a version into force."""


class NoSuchEngineError(LookupError):
    """There is no engine, or no version of it; the message says what there is."""


def version_store(*, config: EngineConfig, text: str, actor: Actor, reason: str) -> EngineVersion:
    """Keep ``config`` as the next version of its name; the latest again where it says the same.

    In the caller's transaction.
    """
    with connection.cursor() as cursor:  # two at once would both be the next
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"engine:{config.name}"])
    latest = EngineVersion.objects.filter(name=config.name).order_by("-number").first()
    digest = digest_of(config.document)
    if latest is not None and latest.digest == digest:
        return latest
    number = latest.number + 1 if latest else 1
    row = EngineVersion.objects.create(
        name=config.name, number=number, text=text, document=dict(config.document), digest=digest,
        made_by=actor.name, reason=reason,
    )  # fmt: skip
    recorded(
        "engine.store", actor, ("engine", config.name), reason=reason,
        before=None if latest is None else {"version": latest.number, "digest": latest.digest},
        after={"version": number, "digest": digest},
    )  # fmt: skip
    return row


def version_get(name: str, number: int | None = None) -> EngineVersion:
    """The latest without ``number``. Raises NoSuchEngineError."""
    rows = EngineVersion.objects.filter(name=name).order_by("-number")
    row = rows.first() if number is None else rows.filter(number=number).first()
    if row is not None:
        return row
    if number is not None and rows.exists():
        most = rows.values_list("number", flat=True)[0]
        raise NoSuchEngineError(f"{name} has no version {number}: it has 1 to {most}")
    raise NoSuchEngineError(f"there is no TradingEngine {name[:60]!r}: apply its document first")


def versions_of(name: str) -> list[EngineVersion]:
    """Newest first."""
    return list(EngineVersion.objects.filter(name=name).order_by("-number"))


def latest_versions() -> list[EngineVersion]:
    """One of each name, by name."""
    rows = EngineVersion.objects.order_by("name", "-number").distinct("name")
    return list(rows)


@dataclass(frozen=True, slots=True)
class Diff:
    """``changes``: leaf by leaf, those alone that differ."""

    name: str
    before: int
    after: int
    changes: list[Change]


def version_diff(name: str, before: int, after: int) -> Diff:
    """Raises NoSuchEngineError."""
    old, new = version_get(name, before), version_get(name, after)
    found = [one for one in changes(old.document, new.document) if one.changed]
    return Diff(name, before, after, found)
