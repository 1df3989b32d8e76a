"""Requests that take two people."""

from django.db import models


class Approval(models.Model):
    """One request: what exactly will be done, the state it was asked in, and who decided."""

    class State(models.TextChoices):
        PENDING = "pending"
        EXECUTED = "executed"
        REJECTED = "rejected"
        WITHDRAWN = "withdrawn"
        EXPIRED = "expired"
        VOID = "void"

    id = models.UUIDField(primary_key=True)
    kind = models.CharField(max_length=24, help_text="Finds its executor (riskctl.approvals).")
    subject = models.CharField(max_length=120, help_text="e.g. hold:ID or strategy:KEY")
    request = models.JSONField(help_text="What will be done.")
    asked_in = models.JSONField(help_text="The state it was asked in.")
    digest = models.CharField(max_length=64, help_text="SHA-256 of both, canonical.")
    reason = models.TextField()
    requested_by = models.CharField(max_length=150)
    requester_roles = models.JSONField(default=list)
    requested_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    state = models.CharField(max_length=12, choices=State, default=State.PENDING)
    decided_by = models.CharField(max_length=150, blank=True)
    decider_roles = models.JSONField(default=list)
    decided_at = models.DateTimeField(null=True)
    decision_reason = models.TextField(blank=True)
    result = models.JSONField(null=True)

    class Meta:
        ordering = ["-requested_at"]
        indexes = [
            models.Index(fields=["-requested_at", "id"], name="approval_newest"),
            models.Index(
                fields=["requested_at"],
                condition=models.Q(state="pending"),
                name="approval_waiting",
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(state="executed")
                | (~models.Q(decided_by="") & ~models.Q(decided_by=models.F("requested_by"))),
                name="approval_by_another_person",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}: {self.state}"
