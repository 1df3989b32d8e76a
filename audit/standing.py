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
from audit.models import Anchoring, Entry, SignedCheckpoint, Verification
from audit.places import PlaceStore
from audit.record import record
from audit.record_keys import record_keys
from audit.verifier import Checkpoint, NoteError, parse_checkpoint
from audit.verifying import NEVER, Finding, record_check
from audit.watching import Seen, Watch

log = structlog.get_logger(__name__)

KEYLESS = "no public key of the record is here: see manage.py audit_key"
VERIFIED = "audit.verify"
KEPT_AMONG = 2_880
"""A day of checkpoints: an anchor that kept none of them keeps the record no more."""
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
    """``status``: whole, not-whole or unknown; ``why`` when it is not whole.

    ``compared_at``: when the stored tree was last found to be the one of ``checkpoint``; ``seen``:
    what was checked entry by entry since ``verified``. None: nothing is signed, or not well.
    ``alarm``: the last since then, of whoever signs, anchors or checks.
    """

    status: str
    why: str
    checkpoint: Checkpoint | None
    signed_at: dt.datetime | None
    compared_at: dt.datetime | None
    seen: Seen | None
    waiting: int
    kept: tuple[Kept, ...]
    verified: Verification | None
    alarm: Entry | None
    key_id: str
    public_pem: str
    powers: tuple[str, ...]
    """What the role that asks could do beyond adding to the record; empty is as it must be."""


_Looked = tuple[Checkpoint | None, dt.datetime | None, Seen | None, str]
_NOT_LOOKED: _Looked = (None, None, None, "")


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


def record_standing(now: dt.datetime, watch: Watch | None = None) -> Standing:
    """What is signed, kept and found, whether the stored tree still is the signed one, and whether
    entries that are new since the last check of all are as they were placed.

    ``watch``: what this process looked at already; without one the tree is compared now. Reads a
    thousand rows or so. Raises db.Error, audit.signing.SigningKeyError, OSError.
    """
    watch = watch or Watch()
    publics = record_keys().publics()
    current = publics[-1] if publics else None
    row = SignedCheckpoint.objects.order_by("-id").first()
    verified = Verification.objects.order_by("-id").first()
    found = _looked(row, verified, watch, now) if row is not None and publics else _NOT_LOOKED
    checkpoint, compared_at, seen, why = found
    status = _status(now, row, verified, why)
    if status == "whole" and not publics:
        status = "unknown"
    if verified is not None and not verified.whole:
        why = why or verified.why
    return Standing(
        status, why or ("" if row else NEVER) or ("" if publics else KEYLESS), checkpoint,
        row.signed_at if row else None, compared_at, seen,
        _waiting(row), _kept(row), verified, _alarm(verified),
        current.key.id if current else "", current.pem if current else "", record_powers(),
    )  # fmt: skip


def _status(
    now: dt.datetime, row: SignedCheckpoint | None, verified: Verification | None, why: str
) -> str:
    if why or (verified is not None and not verified.whole):
        return "not-whole"
    stale = row is None or (now - row.signed_at).total_seconds() > STALE_S
    return "unknown" if stale else "whole"


def _looked(
    row: SignedCheckpoint, verified: Verification | None, watch: Watch, now: dt.datetime
) -> _Looked:
    """The newest checkpoint, when the tree was compared with it, what is new, and what is bad."""
    store = django_store()
    try:
        found = parse_checkpoint(row.note)
        if not found.signers(record_keys().known()):
            return found, None, None, f"the newest {found} is signed by no key of ours"
        at = watch.compared(store, row, found, now)
        if at is None:
            return found, None, None, f"the stored tree is not that of the newest {found}"
    except NoteError as error:
        return None, None, None, f"the newest checkpoint is none: {error}"
    except MissingHashError as error:
        return None, None, None, str(error)
    seen = watch.look(store, row, verified)
    where = "" if seen.first_bad is None else f"entry {seen.first_bad}: "
    return found, at, seen, f"{where}{seen.why}" if seen.why else ""


def _alarm(verified: Verification | None) -> Entry | None:
    rows = Entry.objects.filter(action=ALARM)
    if verified is not None and verified.whole:
        rows = rows.filter(recorded_at__gt=verified.begun_at)
    return rows.order_by("-recorded_at").first()


def _waiting(row: SignedCheckpoint | None) -> int:
    """Committed entries without a place, at most a thousand counted."""
    [(count,)] = django_store().rows(
        "SELECT count(*) FROM (SELECT FROM audit_entry AS entry WHERE xid >= %s AND NOT EXISTS"
        " (SELECT FROM audit_place WHERE entry_id = entry.id) LIMIT 1000) AS waiting",
        (row.horizon if row else 0,),
    )
    return int(count)


def _kept(row: SignedCheckpoint | None) -> tuple[Kept, ...]:
    """The newest that each anchor kept of the last ``KEPT_AMONG`` checkpoints, by name."""
    rows = (
        Anchoring.objects.filter(checkpoint_id__gt=(row.pk if row else 0) - KEPT_AMONG)
        .order_by("anchor", "-checkpoint_id")
        .distinct("anchor")
        .values_list("anchor", "checkpoint__size", "anchored_at")
    )
    return tuple(Kept(anchor, size, at) for anchor, size, at in rows)
