"""The state that requests about riskctl's own records are asked in."""

from collections.abc import Mapping
from typing import Any

from audit.canonical import plain
from riskctl.actors import NotAllowedError
from riskctl.approvals.kinds import part_of
from riskctl.approvals.rules import changes
from riskctl.models import Approval, TriggerSetting


def exact(value: Any) -> str:
    """A decimal without trailing zeros: 100 and 100.00 are the same state."""
    text = format(value, "f")
    return (text.rstrip("0").rstrip(".") or "0") if "." in text else text


def check_as_asked(approval: Approval, **parts: Any) -> None:
    """That ``parts`` of the state, read under the locks of what is about to be written, are those
    it was asked in: measuring takes time, and who tightens meanwhile waits for nobody.

    Raises NotAllowedError.
    """
    changed = changes(approval.asked_in, plain(parts), frozenset(parts))
    if changed:
        words = "; ".join(changed)
        raise NotAllowedError("approval-moved", f"changed while it was carried out: {words}")


def trigger_state(subject: str, _request: Mapping[str, Any]) -> dict[str, Any]:
    """Of ``trigger:NAME``: its setting in force, None while it runs on its default."""
    row = TriggerSetting.objects.filter(name=part_of(subject, "trigger")).first()
    return {"setting": None if row is None else _setting(row)}


def triggers_state(_subject: str, _request: Mapping[str, Any]) -> dict[str, Any]:
    """All settings in force."""
    rows = TriggerSetting.objects.order_by("name")
    return {"settings": {row.name: _setting(row) for row in rows}}


def _setting(row: TriggerSetting) -> dict[str, Any]:
    return {
        "threshold": exact(row.threshold),
        "confirmations": row.confirmations,
        "cooldown_s": row.cooldown_s,
        "warn_at": exact(row.warn_at),
        "window_s": row.window_s,
        "shadow": row.shadow,
        "version": row.version,
    }
