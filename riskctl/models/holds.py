"""Holds and their lifts. A hold is never changed: lifting it is a row of its own."""

import pgtrigger
from django.db import models
from django.db.models import functions

from audit.models import ActorKind, refuse_truncate
from riskctl.holds import Kind, Mode


def _choices(kind: type) -> list[tuple[str, str]]:
    return [(str(one), str(one)) for one in kind]  # type: ignore[attr-defined]


class Hold(models.Model):
    """One stop. Its id is given by whoever placed it, so it can be written by anybody, once."""

    id = models.UUIDField(primary_key=True)
    scope = models.CharField(max_length=80)
    kind = models.CharField(max_length=16, choices=_choices(Kind))
    mode = models.CharField(max_length=12, choices=_choices(Mode))
    cancels = models.BooleanField()
    protective_too = models.BooleanField(default=False)
    reason = models.TextField()
    placed_by = models.CharField(max_length=150)
    actor_kind = models.CharField(max_length=12, choices=ActorKind)
    on_behalf_of = models.CharField(max_length=150, blank=True)
    source = models.CharField(max_length=64, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    placed_at = models.DateTimeField(help_text="The decision, by the clock of who placed it.")
    recorded_at = models.DateTimeField(db_default=functions.Now())

    class Meta:
        ordering = ["-placed_at"]
        indexes = [models.Index(fields=["-placed_at", "id"], name="hold_newest")]
        triggers = [
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
            refuse_truncate(),
        ]

    def __str__(self) -> str:
        return f"{self.kind} on {self.scope}: {self.mode}"


class HoldLift(models.Model):
    """The end of one hold, and of no other."""

    hold = models.OneToOneField(Hold, models.PROTECT, primary_key=True, related_name="lift")
    lifted_by = models.CharField(max_length=150)
    second = models.CharField(max_length=150, blank=True, help_text="The other person, if two.")
    reason = models.TextField()
    approval = models.UUIDField(null=True)
    lifted_at = models.DateTimeField(db_default=functions.Now())

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(lifted_by=models.F("second")), name="lift_two_are_two"
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
            refuse_truncate(),
        ]

    def __str__(self) -> str:
        return f"{self.hold_id} lifted by {self.lifted_by}"


class ScheduledHold(models.Model):
    """A maintenance hold for a later time. The watchdog places it, under ``hold``, when due."""

    id = models.UUIDField(primary_key=True)
    scope = models.CharField(max_length=80)
    due_at = models.DateTimeField()
    reason = models.TextField()
    asked_by = models.CharField(max_length=150)
    asked_at = models.DateTimeField(db_default=functions.Now())
    placed = models.UUIDField(null=True, help_text="The hold it became.")
    withdrawn_by = models.CharField(max_length=150, blank=True)

    class Meta:
        ordering = ["due_at"]

    def __str__(self) -> str:
        return f"{self.scope} at {self.due_at}"
