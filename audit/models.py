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
        ]
        triggers = [
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
            refuse_truncate(),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.object_kind} {self.object_id} by {self.actor}: {self.outcome}"
