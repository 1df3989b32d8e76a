"""Hosts the record's sequencer under the lease ``sequencer:main``."""

from pathlib import Path

import psycopg
import structlog
from django.conf import settings

from audit.anchors import FileAnchor, Witness
from audit.attesting import Attestor
from audit.guarding import powers
from audit.places import Fence, Row
from audit.record_keys import record_keys
from audit.sequencer import Sequencer
from audit.sequencing import Sequencing
from audit.verifier import Checkpoint
from audit.witnessing import Messenger
from riskctl.leases import HELD_SQL
from trading.clock import utc_now
from trading.database import conninfo
from trading.hosting import HostContext

log = structlog.get_logger(__name__)

_STOP_S = 1.0
# A server that falls silent must not keep the sequencer, or it would never be somebody else's.
_OPTIONS = "-c synchronous_commit=on -c statement_timeout=20s -c lock_timeout=2s"


def say_powers() -> None:
    """Once a start: the record is the safer, the less the desk's own role could do to it."""
    try:
        with connect() as own:
            found = powers(own)
    except psycopg.Error:  # the sequencer waits for the database, and says so
        return
    if found:
        log.critical("audit.role-could-rewrite", powers=found, say="DATABASE_OWNER_URL")


def connect() -> psycopg.Connection[Row]:
    """Each statement commits by itself."""
    return psycopg.connect(
        conninfo(), autocommit=True, connect_timeout=3, options=_OPTIONS, tcp_user_timeout=10_000,
        keepalives_idle=5, keepalives_interval=2, keepalives_count=3,
        application_name="haltline sequencer",
    )  # fmt: skip


def sequencing(fence: Fence, process: str) -> Sequencing:
    """As the settings say. Raises audit.anchors.AnchorError when the witness is none."""
    messengers: list[Messenger] = []

    def hand_on(ident: int, checkpoint: Checkpoint) -> None:
        for messenger in messengers:
            messenger.give(ident, checkpoint)

    if settings.AUDIT_WITNESS:
        witness = Witness(settings.AUDIT_WITNESS, settings.AUDIT_WITNESS_CA)
        messengers.append(Messenger(witness, connect))
    files = [FileAnchor(Path(one)) for one in settings.AUDIT_ANCHORS]
    if len(files) + len(messengers) < 2:
        log.warning(
            "audit.one-anchor", say="HALTLINE_AUDIT_WITNESS, or a second file in"
            " HALTLINE_AUDIT_ANCHORS: whoever takes the only one can rewrite the record",
        )  # fmt: skip
    attestor = Attestor(
        name=settings.AUDIT_LOG, keys=record_keys(), files=files, now=utc_now, process=process,
        hand_on=hand_on,
    )  # fmt: skip
    made = Sequencing(Sequencer(connect, fence), attestor, tuple(messengers))
    made.sequencer.on_placed = made.placed
    return made


def run(ctx: HostContext) -> None:
    """Raises audit.places.NotHeldError, audit.anchors.AnchorError, audit.signing.SigningKeyError,
    OSError."""
    held = {"lease": ctx.lease, "holder": ctx.holder, "token": ctx.token}
    made = sequencing(Fence(HELD_SQL, held), f"{ctx.lease} {ctx.holder}")
    say_powers()
    for messenger in made.messengers:
        messenger.start()
    try:
        made.run(ctx.stopping)
    finally:
        for messenger in made.messengers:
            messenger.stop(_STOP_S)
