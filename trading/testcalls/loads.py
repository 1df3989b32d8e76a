"""A load test beside the desk, as the desk sees it: whether it may be, and that it was."""

from collections.abc import Mapping
from typing import Any

from riskctl.actors import Actor
from riskctl.approvals.recording import recorded
from riskctl.holds import FIRM, Mode, effective_mode
from riskctl.selectors import open_holds
from trading.models import VenueAccount


def load_in_the_way() -> bool:
    """Orders reach a real venue and the firm is not halted. Raises django.db.Error."""
    halted = effective_mode(open_holds([FIRM])).strictness >= Mode.HALTED.strictness
    return not halted and VenueAccount.objects.filter(live=True).exists()


def load_recorded(*, figures: Mapping[str, Any], reached: bool, actor: Actor) -> None:
    """Raises django.db.Error."""
    outcome = "done" if reached else "failed"
    recorded("test.load", actor, ("account", "load"), outcome=outcome, after=figures)
