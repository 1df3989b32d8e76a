"""The audit table. Rows are only ever inserted; the database refuses anything else.

An entry has no position in the record when it is inserted: inserting must never wait for
another transaction. A sequencer gives committed entries their place later, in a table of its own
that refers to ``id``; so nothing in an entry is ever updated.
"""

import pgtrigger
from django.db import models
from django.db.models import functions


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
            models.Index(fields=["correlation_id"], name="audit_entry_correlation"),
            models.Index(fields=["object_kind", "object_id"], name="audit_entry_object"),
        ]
        triggers = [
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
            refuse_truncate(),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.object_kind} {self.object_id} by {self.actor}: {self.outcome}"
