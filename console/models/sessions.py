"""Sessions as they are listed, and the number by which a change of somebody's rights is seen."""

import uuid

from django.conf import settings
from django.db import models


class SessionRecord(models.Model):
    """One session of a person, from the password on; kept for a while after its end.

    Django's session says what it proves, this row whose it is and whether it was ended: a session
    whose row is missing or ended opens nothing. ``id`` may be shown, ``session_key`` never.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    session_key = models.CharField(max_length=40, blank=True, help_text="Empty once it ended.")
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField(help_text="Its last use, to the minute.")
    factor_at = models.DateTimeField(null=True)
    factor_kind = models.CharField(max_length=20, blank=True)
    address = models.CharField(max_length=64, blank=True, help_text="Where it was last used from.")
    user_agent = models.CharField(max_length=200, blank=True)
    ended_at = models.DateTimeField(null=True)
    ended_by = models.CharField(max_length=150, blank=True)
    end_reason = models.CharField(max_length=200, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["person", "-started_at"], name="session_of_person"),
            models.Index(fields=["session_key"], name="session_by_key"),
        ]

    def __str__(self) -> str:
        return f"session {self.id} of {self.person}"


class RightsVersion(models.Model):
    """Grows with every change of what a person may do, so that open sockets notice."""

    person = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="rights_version"
    )
    version = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return f"rights of {self.person}: {self.version}"
