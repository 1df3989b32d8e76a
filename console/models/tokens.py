"""API tokens."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models


class ApiToken(models.Model):
    """A script's key: 256 random bits shown once, kept as SHA-256, with scopes and an end.

    No scope lifts, approves, confirms or resumes anything; ``stop`` cannot flatten.
    """

    class Scope(models.TextChoices):
        READ = "read"
        STOP = "stop"
        FLATTEN = "flatten"
        TRADE_TEST = "trade-test"
        EXPORT = "export"

    name = models.CharField(max_length=80)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    digest = models.BinaryField(max_length=32, unique=True, help_text="SHA-256 of the token.")
    scopes = ArrayField(models.CharField(max_length=16, choices=Scope))
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.name} of {self.owner}"
