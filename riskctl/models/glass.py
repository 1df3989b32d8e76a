"""The glass that one person may break."""

from django.db import models


class BreakGlass(models.Model):
    """Leave that two people gave beforehand: who may lift which kills alone, and until when."""

    id = models.UUIDField(primary_key=True)
    approval = models.UUIDField(unique=True, help_text="The request it was given by.")
    people = models.JSONField(help_text="User names.")
    scopes = models.JSONField(help_text="strategy:KEY each, never wider.")
    since = models.DateTimeField()
    until = models.DateTimeField()
    ended_by = models.CharField(max_length=150, blank=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-since"]

    def __str__(self) -> str:
        return f"{', '.join(self.people)} until {self.until}"


class BreakGlassUse(models.Model):
    """A kill that one person lifted. Unless another person keeps it lifted, the hold returns."""

    class Verdict(models.TextChoices):
        WAITED_FOR = ""
        KEPT = "kept"
        RETURNED = "returned"

    id = models.UUIDField(primary_key=True)
    leave = models.ForeignKey(BreakGlass, models.PROTECT, related_name="uses")
    hold = models.OneToOneField("riskctl.Hold", models.PROTECT, related_name="glass")
    person = models.CharField(max_length=150)
    reason = models.TextField()
    root_cause = models.TextField()
    rollback = models.TextField()
    size_factor = models.DecimalField(max_digits=5, decimal_places=4)
    used_at = models.DateTimeField()
    until = models.DateTimeField(help_text="Then the hold returns.")
    verdict = models.CharField(
        max_length=8, choices=Verdict, default=Verdict.WAITED_FOR, blank=True
    )
    reviewed_by = models.CharField(max_length=150, blank=True)
    reviewed_at = models.DateTimeField(null=True)
    review = models.TextField(blank=True)
    returned = models.UUIDField(null=True, help_text="The hold that was placed again.")

    class Meta:
        ordering = ["-used_at"]
        indexes = [
            models.Index(fields=["until"], condition=models.Q(verdict=""), name="glass_waiting")
        ]

    def __str__(self) -> str:
        return f"{self.person} lifted {self.hold_id}"
