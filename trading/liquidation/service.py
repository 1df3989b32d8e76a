"""Flattening in its simple form: stop first, then give every gateway a warrant to close.

A risk manager may do this alone. The gateways carry it out and prove it (trading.gateway.flatten);
the warrant is void when its hold is lifted, and a FROZEN hold stops it.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from audit.record import entry_id
from riskctl.actors import Actor, NotAllowedError
from riskctl.clock import NS, wall_ns
from riskctl.control import (
    ControlError,
    ControlLink,
    HoldTaken,
    TellHold,
    TellWarrant,
    Warrant,
    WarrantTaken,
)
from riskctl.desk import BrakesDesk, brakes_desk
from riskctl.holds import RISK, Kind, check_scope
from riskctl.placing import Placing, hold_place
from riskctl.registered import on_disk

log = structlog.get_logger(__name__)

ANSWER_S = 1.0


@dataclass(frozen=True, slots=True)
class Flattening:
    """``refused``: account -> why its gateway did not take the warrant; nobody closes there."""

    placing: Placing
    warrant: Warrant
    taken: tuple[str, ...]
    refused: Mapping[str, str]


def may_flatten(actor: Actor) -> bool:
    """A risk manager, or a token with the scope ``flatten``."""
    return RISK in actor.roles or "flatten" in actor.token_scopes


def flatten_order(
    *,
    scope: str,
    actor: Actor,
    reason: str = "",
    life_s: int = 300,
    tranche_value: float = 100_000.0,
    max_tranches: int = 5,
    hold_id: uuid.UUID | None = None,
    desk: BrakesDesk | None = None,
) -> Flattening:
    """Kill ``scope`` and close every position in it. Returns when the gateways have the warrant.

    Raises riskctl.actors.NotAllowedError, riskctl.holds.ScopeError.
    """
    check_scope(scope)
    if not may_flatten(actor):
        raise NotAllowedError("flatten-not-yours", "Positions are closed by a risk manager.")
    at = desk or brakes_desk()
    placer = _as_placer(actor)
    placing = hold_place(
        scope=scope, kind=Kind.KILL, actor=placer, reason=reason, hold_id=hold_id, desk=at
    )
    warrant = Warrant(
        id=str(entry_id("warrant", placing.hold.id)),
        hold_id=placing.hold.id,
        scope=scope,
        placed_by=actor.name,
        reason=placing.hold.reason,
        issued_wall_ns=wall_ns(),
        expires_wall_ns=wall_ns() + life_s * NS,
        tranche_value=tranche_value,
        max_tranches=max_tranches,
    )
    taken, refused = warrant_give(warrant, placing, at)
    log.warning("flatten.ordered", hold=placing.hold.id, scope=scope, taken=taken, refused=refused)
    return Flattening(placing, warrant, tuple(taken), refused)


def _as_placer(actor: Actor) -> Actor:
    """Leave to flatten is leave to stop what is flattened."""
    scopes = actor.token_scopes | {"stop"} if actor.token_scopes else actor.token_scopes
    return Actor(
        kind=actor.kind, name=actor.name, roles=actor.roles, owns=actor.owns,
        factor_age_s=actor.factor_age_s, token_scopes=frozenset(scopes),
        on_behalf_of=actor.on_behalf_of, source=actor.source, request_id=actor.request_id,
    )  # fmt: skip


def warrant_give(
    warrant: Warrant, placing: Placing, desk: BrakesDesk
) -> tuple[list[str], dict[str, str]]:
    """Give the warrant to every gateway that is known: who took it, and why others did not."""
    taken, refused = [], {}
    known = on_disk(desk.home)
    for account in sorted({*placing.placement.evidence, *known}):
        entry = known.get(account)
        if entry is None or not entry.address:
            refused[account] = "no gateway of this account is known on this host"
            continue
        try:
            with ControlLink(entry.address, desk.key, timeout_s=ANSWER_S) as link:
                # Again, for one that a proof without its answer has left untold so far.
                link.ask(TellHold(placing.hold), HoldTaken)
                answer = link.ask(TellWarrant(warrant), WarrantTaken)
        except ControlError as error:
            refused[account] = str(error)
            continue
        if answer.refused:
            refused[account] = answer.refused
        else:
            taken.append(account)
    return taken, refused
