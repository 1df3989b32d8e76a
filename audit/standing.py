"""How the record stands, and checking all of it: pages, REST, commands, the nightly check."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import structlog
from django.conf import settings
from django.db import connection, transaction

from audit.attesting import ALARM
from audit.guarding import powers
from audit.merkle import MissingHashError
from audit.models import Anchoring, SignedCheckpoint, Verification
from audit.places import PlaceStore
from audit.record import record
from audit.record_keys import record_keys
from audit.verifier import Checkpoint, NoteError, parse_checkpoint
from audit.verifying import NEVER, Finding, record_check

log = structlog.get_logger(__name__)

KEYLESS = "no public key of the record is here: see manage.py audit_key"
VERIFIED = "audit.verify"
STALE_S = 300
"""A checkpoint older than this says that the sequencer does not run."""


@dataclass(frozen=True)
class Kept:
    """The newest checkpoint that one anchor keeps."""

    anchor: str
    size: int
    at: dt.datetime


@dataclass(frozen=True)
class Standing:
    """``status``: whole, not-whole or unknown; ``why`` when it is not whole."""

    status: str
    why: str
    checkpoint: Checkpoint | None
    signed_at: dt.datetime | None
    waiting: int
    kept: tuple[Kept, ...]
    verified: Verification | None
    key_id: str
    public_pem: str
    powers: tuple[str, ...]
    """What the role that asks could do beyond adding to the record; empty is as it must be."""


def django_store() -> PlaceStore:
    """On Django's connection. Raises db.Error."""
    connection.ensure_connection()
    return PlaceStore(connection.connection)


def record_powers() -> tuple[str, ...]:
    """Of the role that this process connects as. Raises db.Error."""
    connection.ensure_connection()
    return tuple(powers(connection.connection))


def record_verify(
    *,
    actor: str,
    actor_kind: str,
    progress: Callable[[int, int], object] = lambda _done, _all: None,
    source: str = "",
) -> Verification:
    """Check the whole record, keep and record what was found; alarm when it is not whole.

    Raises db.Error, psycopg.Error, audit.signing.SigningKeyError, OSError.
    """
    begun = dt.datetime.now(dt.UTC)
    files = [Path(one) for one in settings.AUDIT_ANCHORS]
    finding = record_check(
        django_store(), trust=record_keys().trust(), anchors=files, progress=progress
    )
    with transaction.atomic():
        row = Verification.objects.create(
            begun_at=begun, ended_at=dt.datetime.now(dt.UTC), asked_by=actor[:150],
            whole=finding.whole, entries=finding.entries, signed=finding.signed,
            first_bad=finding.first_bad, last_bad=finding.last_bad, why=finding.why,
        )  # fmt: skip
        record(
            action=VERIFIED if finding.whole else ALARM, actor_kind=actor_kind, actor=actor,
            object_kind="record", object_id=str(row.pk), source=source, reason=_said(finding),
            outcome="done" if finding.whole else "failed",
            after={"entries": finding.entries, "signed": finding.signed,
                   "first_bad": finding.first_bad, "last_bad": finding.last_bad},
        )  # fmt: skip
    if not finding.whole:
        log.critical("audit.not-whole", why=finding.why, first_bad=finding.first_bad)
    return row


def _said(finding: Finding) -> str:
    if finding.whole:
        return "; ".join(f"lost to a restored database: {one}" for one in finding.lost)
    return finding.why


def record_standing(now: dt.datetime) -> Standing:
    """What is signed, kept and found, and whether the stored tree still is the signed one.

    Reads a few hundred rows. Raises db.Error, audit.signing.SigningKeyError, OSError.
    """
    publics = record_keys().publics()
    current = publics[-1] if publics else None
    row = SignedCheckpoint.objects.order_by("-id").first()
    verified = Verification.objects.order_by("-id").first()
    checkpoint, why = None, ""
    if row is not None and publics:
        checkpoint, why = _compared(row)
    status = _status(now, row, verified, why)
    if status == "whole" and not publics:
        status = "unknown"
    if verified is not None and not verified.whole:
        why = why or verified.why
    return Standing(
        status, why or ("" if row else NEVER) or ("" if publics else KEYLESS), checkpoint,
        row.signed_at if row else None,
        _waiting(row), _kept(), verified,
        current.key.id if current else "", current.pem if current else "", record_powers(),
    )  # fmt: skip


def _status(
    now: dt.datetime, row: SignedCheckpoint | None, verified: Verification | None, why: str
) -> str:
    if why or (verified is not None and not verified.whole):
        return "not-whole"
    stale = row is None or (now - row.signed_at).total_seconds() > STALE_S
    return "unknown" if stale else "whole"


def _compared(row: SignedCheckpoint) -> tuple[Checkpoint | None, str]:
    """The newest checkpoint, and why the stored tree is not the one it signs."""
    try:
        found = parse_checkpoint(row.note)
        if not found.signers(record_keys().known()):
            return found, f"the newest {found} is signed by no key of ours"
        if django_store().tree(found.size).root() != found.root:
            return found, f"the stored tree is not that of the newest {found}"
    except NoteError as error:
        return None, f"the newest checkpoint is none: {error}"
    except MissingHashError as error:
        return None, str(error)
    return found, ""


def _waiting(row: SignedCheckpoint | None) -> int:
    """Committed entries without a place, at most a thousand counted."""
    [(count,)] = django_store().rows(
        "SELECT count(*) FROM (SELECT FROM audit_entry AS entry WHERE xid >= %s AND NOT EXISTS"
        " (SELECT FROM audit_place WHERE entry_id = entry.id) LIMIT 1000) AS waiting",
        (row.horizon if row else 0,),
    )
    return int(count)


def _kept() -> tuple[Kept, ...]:
    """The newest of each anchor, by name."""
    rows = (
        Anchoring.objects.order_by("anchor", "-checkpoint_id")
        .distinct("anchor")
        .values_list("anchor", "checkpoint__size", "anchored_at")
    )
    return tuple(Kept(anchor, size, at) for anchor, size, at in rows)
