"""API tokens."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models


class ApiToken(models.Model):
    """A script's key: 256 random bits shown once, kept as SHA-256, with scopes and an end.

    No scope lifts, approves, confirms or resumes anything; ``stop`` cannot flatten. What two people
    agreed to has no ``digest`` until its owner collects it: the secret is made then.
    """

    class Scope(models.TextChoices):
        READ = "read"
        STOP = "stop"
        FLATTEN = "flatten"
        TRADE_TEST = "trade-test"
        EXPORT = "export"

    name = models.CharField(max_length=80)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    digest = models.BinaryField(
        max_length=32, unique=True, null=True, help_text="SHA-256 of the token."
    )
    scopes = ArrayField(models.CharField(max_length=16, choices=Scope))
    networks = ArrayField(
        models.CharField(max_length=43), default=list, help_text="CIDR; none: from anywhere."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    approval = models.UUIDField(null=True, help_text="The request by which two people agreed.")
    collect_until = models.DateTimeField(null=True, help_text="While it waits to be collected.")
    version = models.PositiveIntegerField(default=0, help_text="How often it was rotated.")
    previous_digest = models.BinaryField(
        max_length=32, unique=True, null=True, help_text="Of the token before the last rotation."
    )
    previous_until = models.DateTimeField(null=True, help_text="Until when that is still good.")
    revoked_at = models.DateTimeField(null=True)
    revoked_by = models.CharField(max_length=150, blank=True)
    revoke_reason = models.TextField(blank=True)
    last_used_at = models.DateTimeField(null=True, help_text="To the minute.")
    last_used_from = models.CharField(max_length=64, blank=True)

    def __str__(self) -> str:
        return f"{self.name} of {self.owner}"
