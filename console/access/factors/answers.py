"""What a check of a factor comes to, and how wrong ones wait."""

import datetime as dt
from dataclasses import dataclass

from django_otp.models import Device, ThrottlingMixin

from audit.models import Outcome

MOST_FAILURES = 10
"""Where a factor's wait stops doubling (512 s): who guesses long must not lock its owner out."""


@dataclass(frozen=True)
class FactorAnswer:
    """``device`` is set when the factor was right; ``wait_s`` when none may be tried yet."""

    outcome: Outcome
    reason: str
    device: Device | None = None
    wait_s: int = 0


class NotAddedError(Exception):
    """A factor that cannot be added as it was given; the text is for the person."""


def wait_s(device: ThrottlingMixin) -> int:
    """Whole seconds until ``device`` may be tried again; 0 for at once."""
    allowed, why = device.verify_is_allowed()
    if allowed or not why:
        return 0
    left = why["locked_until"] - dt.datetime.now(dt.UTC)
    return max(1, -int(-left.total_seconds() // 1))


def failures_bounded(device: ThrottlingMixin) -> None:
    """After a failure was counted: the wait has an end."""
    if device.throttling_failure_count > MOST_FAILURES:
        device.throttling_failure_count = MOST_FAILURES
        device.save(update_fields=["throttling_failure_count"])
