"""Access reviews, and every gain of privilege that the database saw."""

import pgtrigger
from django.db import models
from django.db.models import functions

from audit.models import refuse_truncate


class AccessReview(models.Model):
    """Who could do what when it was prepared, and the two people who signed it off.

    What it says never changes; a review that is void or expired stays, unsigned.
    """

    id = models.UUIDField(primary_key=True)
    prepared_at = models.DateTimeField()
    prepared_by = models.CharField(max_length=150)
    report = models.JSONField()
    digest = models.CharField(max_length=64, help_text="SHA-256 of the report, canonical.")
    material = models.CharField(
        max_length=64, help_text="SHA-256 of who can do what, without times of use."
    )
    approval = models.UUIDField(null=True, help_text="The request by which two people sign.")
    signed_at = models.DateTimeField(null=True)
    signed_by = models.CharField(max_length=150, blank=True, help_text="The second person.")

    class Meta:
        ordering = ["-prepared_at"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(signed_at=None)
                | (~models.Q(signed_by="") & ~models.Q(signed_by=models.F("prepared_by"))),
                name="review_signed_by_two",
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="kept", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="said_once",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange(
                    "id", "prepared_at", "prepared_by", "report", "digest", "material"
                ),
            ),
            pgtrigger.Protect(
                name="signed_once",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__signed_at__isnull=False),
            ),
            refuse_truncate(),
        ]

    def __str__(self) -> str:
        return f"access review of {self.prepared_at:%Y-%m-%d} by {self.prepared_by}"


class Escalation(models.Model):
    """Somebody, or a token, came to be able to do more.

    Written by triggers of the database in the transaction of the change, by whatever path that
    came (console/migrations/0008_review.py); ``approval`` accounts for it when two people agreed to
    just that in the same transaction.
    """

    class Kind(models.TextChoices):
        ROLE = "role"
        SUPERUSER = "superuser"
        STAFF = "staff"
        ENABLED = "enabled"
        NAME = "name"
        PERMISSION = "permission"
        ROLE_PERMISSION = "role-permission"
        OWNER = "owner"
        TOKEN = "token"  # noqa: S105 - what gained, not a secret

    happened_at = models.DateTimeField(db_default=functions.Now())
    kind = models.CharField(max_length=16, choices=Kind)
    who = models.CharField(max_length=150, help_text="A person, or group:NAME.")
    what = models.TextField(help_text="What was gained.")
    path = models.TextField(help_text="Role, program and address of the database session.")
    approval = models.UUIDField(null=True)
    account = models.TextField(blank=True, help_text="What else accounts for it.")
    noticed_at = models.DateTimeField(null=True, help_text="When it entered the record.")
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by = models.CharField(max_length=150, blank=True)
    note = models.TextField(blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(
                fields=["-id"],
                condition=models.Q(acknowledged_at=None),
                name="escalation_open",
            ),
            models.Index(
                fields=["id"], condition=models.Q(noticed_at=None), name="escalation_unnoticed"
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(acknowledged_at=None)
                | (~models.Q(acknowledged_by="") & ~models.Q(acknowledged_by=models.F("who"))),
                name="escalation_seen_by_another",
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="kept", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="said_once",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange(
                    "id", "happened_at", "kind", "who", "what", "path", "approval"
                ),
            ),
            pgtrigger.Protect(
                name="seen_once",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(
                    "OLD.acknowledged_at IS NOT NULL AND"
                    " (OLD.acknowledged_at, OLD.acknowledged_by, OLD.note) IS DISTINCT FROM"
                    " (NEW.acknowledged_at, NEW.acknowledged_by, NEW.note)"
                ),
            ),
            refuse_truncate(),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.who}: {self.what}"

    @property
    def explained(self) -> bool:
        return self.approval is not None or bool(self.account)
