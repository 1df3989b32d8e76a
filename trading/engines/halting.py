"""The hold that a document or a patch wishes: one like any other, by the one service of holds."""

import uuid

from riskctl.actors import Actor
from riskctl.desk import BrakesDesk
from riskctl.placing import PATIENCE_S, Placing, hold_place
from trading.engines.stopping import StopWished


def engine_stop(
    *,
    wished: StopWished,
    actor: Actor,
    reason: str = "",
    hold_id: uuid.UUID | None = None,
    patience_s: float = PATIENCE_S,
    desk: BrakesDesk | None = None,
) -> Placing:
    """Needs neither models nor a database. Raises as ``hold_place``."""
    said = f"{wished.why}: {reason}" if reason.strip() else wished.why
    return hold_place(
        scope=wished.scope, kind=wished.kind, actor=actor, reason=said, hold_id=hold_id,
        patience_s=patience_s, desk=desk,
    )  # fmt: skip
