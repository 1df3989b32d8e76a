"""The audit table. Rows are only ever inserted; the database refuses anything else.

An entry has no position in the record when it is inserted: inserting must never wait for
another transaction. A sequencer gives committed entries their place later, in a table of its own
that refers to ``id``; so nothing in an entry is ever updated.
"""

import pgtrigger
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector
from django.db import models
from django.db.models import Func, Q, TextField, Value, functions


def refuse_truncate() -> pgtrigger.Trigger:
    """TRUNCATE fires no row trigger, so an append-only table refuses it by one of its own."""
    return pgtrigger.Trigger(
        name="no_truncate",
        level=pgtrigger.Statement,
        when=pgtrigger.Before,
        operation=pgtrigger.Truncate,
        func="RAISE EXCEPTION 'append-only: rows of % are never removed', TG_TABLE_NAME;",
    )


def append_only() -> list[pgtrigger.Trigger]:
    return [
        pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
        refuse_truncate(),
    ]


class CurrentTransaction(models.Func):
    """The number of the transaction that inserts; of the outermost one, whatever savepoints."""

    template = "(pg_current_xact_id()::text::bigint)"
    output_field = models.BigIntegerField()


class ActorKind(models.TextChoices):
    PERSON = "person"
    TOKEN = "token"  # noqa: S105 - the kind of actor, not a secret
    TRIGGER = "trigger"
    PROCESS = "process"
    ANONYMOUS = "anonymous"


class Outcome(models.TextChoices):
    DONE = "done"
    DENIED = "denied"
    FAILED = "failed"


SEAMS = ".:/_-#@<>&"
"""Where names and ids come apart into words."""


def words() -> SearchVector:
    """What a text search looks through: words as they stand, and parts of names and ids.

    Expressions of an index must never fail, or the fact would be lost: the reason is cut.
    """
    text = functions.Concat(
        "action", Value(" "), "object_kind", Value(" "), "object_id", Value(" "),
        functions.Left("reason", 2000),
    )  # fmt: skip
    parted = Func(
        text, Value(SEAMS), Value(" " * len(SEAMS)), function="translate", output_field=TextField()
    )
    return SearchVector(parted, config="simple")


SEARCHED = ~Q(object_kind__in=["order", "fill"]) | ~Q(outcome="done")
"""Entries whose words are indexed. Orders and fills as they should be are many, and nobody gave
them a reason: they are found by strategy, correlation and id."""


class Entry(models.Model):
    """One fact. ``body`` holds the canonical bytes; the other columns repeat it for search."""

    id = models.UUIDField(primary_key=True)
    happened_at = models.DateTimeField(help_text="When the fact happened, by its own source.")
    recorded_at = models.DateTimeField(db_default=functions.Now())
    action = models.CharField(max_length=64)
    outcome = models.CharField(max_length=8, choices=Outcome)
    actor_kind = models.CharField(max_length=12, choices=ActorKind)
    actor = models.CharField(max_length=150)
    on_behalf_of = models.CharField(max_length=150, blank=True)
    object_kind = models.CharField(max_length=40)
    object_id = models.CharField(max_length=200)
    reason = models.TextField(blank=True)
    source = models.CharField(max_length=64, blank=True, help_text="Address the request came from.")
    request_id = models.CharField(max_length=64, blank=True)
    correlation_id = models.CharField(max_length=64, blank=True)
    body = models.BinaryField(help_text="Canonical bytes, hashed as stored.")
    xid = models.BigIntegerField(
        db_default=CurrentTransaction(), editable=False,
        help_text="Lets the sequencer find what was committed since it looked.",
    )  # fmt: skip

    class Meta:
        verbose_name_plural = "entries"
        indexes = [
            models.Index(fields=["-recorded_at", "id"], name="audit_entry_newest"),
            # Each filter has an index that goes by time within it, so that a page is its beginning.
            models.Index(fields=["action", "recorded_at"], name="audit_entry_action"),
            models.Index(fields=["actor", "recorded_at"], name="audit_entry_actor"),
            models.Index(
                fields=["object_kind", "object_id", "recorded_at"], name="audit_entry_of_object"
            ),
            models.Index(
                fields=["correlation_id", "recorded_at"],
                condition=~Q(correlation_id=""),
                name="audit_entry_story",
            ),
            models.Index(
                fields=["on_behalf_of", "recorded_at"],
                condition=~Q(on_behalf_of=""),
                name="audit_entry_behalf",
            ),
            models.Index(
                fields=["request_id", "recorded_at"],
                condition=~Q(request_id=""),
                name="audit_entry_request",
            ),
            models.Index(
                fields=["outcome", "recorded_at"],
                condition=~Q(outcome="done"),
                name="audit_entry_outcome",
            ),
            models.Index(
                fields=["actor_kind", "recorded_at"],
                condition=~Q(actor_kind="process"),
                name="audit_entry_actor_kind",
            ),
            GinIndex(words(), name="audit_entry_words", condition=SEARCHED),
            models.Index(fields=["xid"], name="audit_entry_xid"),
        ]
        triggers = append_only()

    def __str__(self) -> str:
        return f"{self.action} {self.object_kind} {self.object_id} by {self.actor}: {self.outcome}"


class Place(models.Model):
    """Where a committed entry stands. Given once, by the sequencer, without gaps from 0 on."""

    index = models.BigIntegerField(primary_key=True)
    entry = models.OneToOneField(Entry, on_delete=models.PROTECT, related_name="place")
    chain = models.BinaryField(help_text="Hash over the chain's value before, index and leaf.")
    leaf = models.BinaryField(help_text="Hash over recorded_at and body: a leaf of the tree.")
    placed_at = models.DateTimeField(db_default=functions.Now())

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(index__gte=0), name="place_not_negative")
        ]
        triggers = append_only()

    def __str__(self) -> str:
        return f"entry {self.entry_id} at {self.index}"


class Tile(models.Model):
    """Hash of a perfect subtree of ``256 ** level`` leaves, so that proofs read little."""

    level = models.SmallIntegerField()
    number = models.BigIntegerField()
    hash = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["level", "number"], name="tile_once")]
        triggers = append_only()

    def __str__(self) -> str:
        return f"tile {self.number} of level {self.level}"


class Incarnation(models.Model):
    """A log that checkpoints are signed for; a restored database begins another one."""

    number = models.PositiveIntegerField(primary_key=True)
    origin = models.CharField(max_length=200, unique=True)
    begun_at = models.DateTimeField(db_default=functions.Now())
    size = models.BigIntegerField(help_text="Entries that it found in place.")
    note = models.TextField(help_text="Its first checkpoint, which says what it continues.")

    class Meta:
        triggers = append_only()

    def __str__(self) -> str:
        return f"incarnation {self.origin} from {self.size}"


class SignedCheckpoint(models.Model):
    """A signed tree; ``note`` counts, the other columns repeat it for search."""

    id = models.BigAutoField(primary_key=True)
    origin = models.CharField(max_length=200)
    size = models.BigIntegerField()
    note = models.TextField()
    signed_at = models.DateTimeField()
    horizon = models.BigIntegerField(
        help_text="Every entry of a transaction with a lower number had its place."
    )

    class Meta:
        indexes = [models.Index(fields=["origin", "size"], name="checkpoint_by_size")]
        triggers = append_only()

    def __str__(self) -> str:
        return f"checkpoint of {self.size} entries of {self.origin}"


class Anchoring(models.Model):
    """A checkpoint is kept outside the database; ``answer`` is what was said to that."""

    checkpoint = models.ForeignKey(
        SignedCheckpoint, on_delete=models.PROTECT, related_name="anchorings"
    )
    anchor = models.CharField(max_length=200)
    anchored_at = models.DateTimeField(db_default=functions.Now())
    answer = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["checkpoint", "anchor"], name="anchored_once")
        ]
        triggers = append_only()

    def __str__(self) -> str:
        return f"{self.checkpoint_id} in {self.anchor}"


class Verification(models.Model):
    """What a check of the whole record found."""

    id = models.BigAutoField(primary_key=True)
    begun_at = models.DateTimeField()
    ended_at = models.DateTimeField()
    asked_by = models.CharField(max_length=150)
    whole = models.BooleanField()
    entries = models.BigIntegerField(help_text="Entries that were checked.")
    signed = models.BigIntegerField(help_text="Entries under the newest checkpoint.")
    first_bad = models.BigIntegerField(null=True)
    last_bad = models.BigIntegerField(null=True, help_text="Of a range in which the first bad is.")
    why = models.TextField(blank=True)

    class Meta:
        triggers = append_only()

    def __str__(self) -> str:
        return f"{'whole' if self.whole else 'NOT WHOLE'}: {self.entries} entries"
