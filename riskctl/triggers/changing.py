"""One way in for a trigger's setting: tighter at once by one person, anything looser by two."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from riskctl.actors import Actor
from riskctl.approvals.engine import approval_request
from riskctl.models import Approval, TriggerSetting
from riskctl.triggers.inforce import changed, default_of, loosened, spec_of
from riskctl.triggers.settings import setting_of, trigger_tighten

RELAX = "trigger-relax"


@dataclass(frozen=True, slots=True)
class TriggerChanged:
    """The setting as it is now, or the ``asked`` that a second person decides."""

    row: TriggerSetting | None
    asked: Approval | None = None


def trigger_change(
    *, name: str, request: Mapping[str, Any], actor: Actor, reason: str
) -> TriggerChanged:
    """Make ``request``'s fields the trigger's, or ask for it when any of them loosens.

    Raises NotAllowedError, riskctl.approvals.RequestError, and SettingError naming the field.
    """
    spec = spec_of(name)
    row = TriggerSetting.objects.filter(name=name).first()
    before = default_of(spec) if row is None else setting_of(row)
    if loosened(before, changed(before, request)):
        asked = approval_request(
            kind=RELAX, subject=f"trigger:{name}", request=request, actor=actor, reason=reason
        )
        return TriggerChanged(row, asked)
    # A window that is asked for is that of before: any other would have been looser.
    wanted = {key: value for key, value in request.items() if key != "window_s"}
    return TriggerChanged(trigger_tighten(name=name, actor=actor, reason=reason, **wanted))
