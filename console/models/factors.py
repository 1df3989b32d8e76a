"""Second factors and what belongs to them. Authenticators are django-otp's TOTPDevice.

Each factor is a django-otp Device, so that a session can name the one it was opened with.
"""

from typing import Any

from django.conf import settings
from django.db import models, transaction
from django_otp.models import Device, ThrottlingMixin, TimestampMixin
from django_otp.plugins.otp_totp.models import TOTPDevice

from console.access.seeds import seed_kept, seed_opened


class Authenticator(TOTPDevice):
    """django-otp's TOTP device; its seed is read where all seeds are read."""

    class Meta:
        proxy = True

    def __str__(self) -> str:
        return f"{self.name} of {self.user}"

    @classmethod
    def model_label(cls) -> str:
        """The table's: sessions that name a device need not know of this class."""
        return str(TOTPDevice.model_label())

    @property
    def bin_key(self) -> bytes:
        return seed_opened(self.key, user_id=self.user_id)

    def save(self, *args: Any, **kwargs: Any) -> None:
        """``key`` may be a seed in hex: what is kept is sealed, and sealed for this person."""
        with transaction.atomic():
            self.key = seed_kept(self.key, user_id=self.user_id)
            super().save(*args, **kwargs)


class Passkey(TimestampMixin, Device):
    """A WebAuthn credential: its public key, for one relying party (the console's host name)."""

    credential_id = models.BinaryField(max_length=1023, unique=True)
    public_key = models.BinaryField(max_length=2048, help_text="COSE key.")
    sign_count = models.PositiveBigIntegerField(default=0)
    transports = models.JSONField(default=list)
    rp_id = models.CharField(max_length=253)
    backed_up = models.BooleanField(
        default=False, help_text="Copied to other devices by its maker."
    )

    def __str__(self) -> str:
        return f"{self.name} of {self.user}"


class PasskeyChallenge(models.Model):
    """One question to an authenticator: of one session, for one purpose, answered once."""

    class Purpose(models.TextChoices):
        ADD = "add"
        GIVE = "give"

    challenge = models.BinaryField(max_length=64, unique=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    session = models.CharField(max_length=64, help_text="SHA-256 of the session's key.")
    purpose = models.CharField(max_length=8, choices=Purpose)
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"to {self.purpose}, {self.user}"


class RecoverySet(TimestampMixin, ThrottlingMixin, Device):
    """A person's recovery codes together: what a session opened with one of them names."""

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user"], name="recovery_set_once")]

    def __str__(self) -> str:
        return f"recovery codes of {self.user}"

    def get_throttle_factor(self) -> int:
        return 1


class RecoveryCode(models.Model):
    """One code, as SHA-256, and when it was used."""

    of = models.ForeignKey(RecoverySet, models.CASCADE, related_name="codes")
    digest = models.BinaryField(max_length=32, unique=True)
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"of {self.of}"


class Enrolment(models.Model):
    """How far a person has come in from an invitation, or after a reset."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True)
    initial_until = models.DateTimeField(
        null=True, help_text="The password is an administrator's: good until then, to be replaced."
    )
    invited_at = models.DateTimeField(null=True)
    invited_by = models.CharField(max_length=150, blank=True)
    enrolled_at = models.DateTimeField(
        null=True, help_text="First factor of their own; while set, nobody invites them anew."
    )

    def __str__(self) -> str:
        return f"{self.user}"
