"""What trips a stop by itself: settings, firings, and the dead man's switch."""

import pgtrigger
from django.db import models
from django.db.models import functions

from audit.models import refuse_truncate


class TriggerSetting(models.Model):
    """One trigger's setting in force; a trigger without a row runs on its default."""

    name = models.CharField(max_length=40, primary_key=True)
    threshold = models.DecimalField(max_digits=24, decimal_places=8)
    confirmations = models.PositiveSmallIntegerField()
    cooldown_s = models.PositiveIntegerField()
    warn_at = models.DecimalField(max_digits=5, decimal_places=4, help_text="Share of threshold.")
    shadow = models.BooleanField(default=False)
    window_s = models.PositiveIntegerField(default=0)
    version = models.PositiveIntegerField(default=1)
    changed_by = models.CharField(max_length=150)
    changed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name}: {self.threshold}"


class TriggerFiring(models.Model):
    """A breach that was confirmed, or a warning: what was measured, and what came of it."""

    id = models.UUIDField(primary_key=True)
    trigger = models.CharField(max_length=40)
    scope = models.CharField(max_length=80)
    level = models.CharField(max_length=8, choices=[("warning", "warning"), ("breach", "breach")])
    value = models.DecimalField(max_digits=30, decimal_places=8)
    threshold = models.DecimalField(max_digits=30, decimal_places=8)
    source = models.CharField(max_length=12, help_text="path or watchdog")
    shadow = models.BooleanField()
    hold = models.UUIDField(null=True)
    detail = models.TextField(blank=True)
    happened_at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=functions.Now())

    class Meta:
        ordering = ["-happened_at"]
        indexes = [models.Index(fields=["-happened_at", "id"], name="trigger_firing_newest")]
        triggers = [
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
            refuse_truncate(),
        ]

    def __str__(self) -> str:
        return f"{self.trigger} on {self.scope}: {self.value}"


class DeadMan(models.Model):
    """The one switch: when somebody last said that somebody watches."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    confirmed_at = models.DateTimeField()
    confirmed_by = models.CharField(max_length=150)
    enabled = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(id=1), name="dead_man_is_one"),
        ]

    def __str__(self) -> str:
        return f"confirmed by {self.confirmed_by} at {self.confirmed_at}"
