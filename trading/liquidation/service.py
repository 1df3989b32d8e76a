"""Flattening in its simple form: stop first, then give every gateway a warrant to close.

A risk manager may do this alone. The gateways carry it out and prove it (trading.gateway.flatten);
the warrant is void when its hold is lifted, and a FROZEN hold stops it.
"""

import json
import os
import uuid
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import msgspec
import psycopg
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
from riskctl.holds import RISK, HoldFact, Kind, check_scope
from riskctl.models import HoldLift, ReceiptStep
from riskctl.pending import Step, pending_keep
from riskctl.placing import Placing, hold_place
from riskctl.registered import Registered, on_disk
from riskctl.selectors import fact_of, hold_get
from riskctl.triggers.config import figure, liquidation_timeout_s, read_environment
from riskctl.writing import steps_write

log = structlog.get_logger(__name__)

ANSWER_S = 2.0
ORDERED = "flatten-ordered"


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
    life_s: int | None = None,
    hold_id: uuid.UUID | None = None,
    desk: BrakesDesk | None = None,
) -> Flattening:
    """Kill ``scope`` and close every position in it. Returns when the gateways have the warrant.

    ``life_s``: how long they may take; by default what EMERGENCY_STOP_CONFIG says, which also has
    the size from which a position is closed in parts, and how many.

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
        expires_wall_ns=wall_ns() + (life_s or _life_s()) * NS,
        tranche_value=float(figure("liquidation", "large_position_threshold")),
        max_tranches=int(figure("liquidation", "max_tranches")),
    )
    accounts = {*placing.placement.evidence, *on_disk(at.home)}
    taken, refused = warrant_give(warrant, placing.hold, accounts, at)
    _note(warrant, placing.hold, actor, at)
    log.warning("flatten.ordered", hold=placing.hold.id, scope=scope, taken=taken, refused=refused)
    return Flattening(placing, warrant, tuple(taken), refused)


def _life_s() -> int:
    seconds, warning = liquidation_timeout_s(read_environment(os.environ))
    if warning:
        log.warning("flatten.timeout", warning=warning)
    return int(seconds)


def _note(warrant: Warrant, hold: HoldFact, actor: Actor, desk: BrakesDesk) -> None:
    """On the receipt: what was ordered, so that the watchdog can see it through."""
    said = {
        **msgspec.to_builtins(warrant),  # in forms that the record takes: no float, no long number
        "tranche_value": int(warrant.tranche_value),
        "issued_wall_ns": str(warrant.issued_wall_ns),
        "expires_wall_ns": str(warrant.expires_wall_ns),
    }
    facts = {"warrant": said}
    step = Step(ORDERED, warrant.id, "", wall_ns(), facts, actor.name)
    try:
        steps_write(desk, hold, [step])
    except psycopg.Error as error:
        log.warning("flatten.not-recorded", hold=hold.id, error=str(error).strip())
        pending_keep(desk.home, hold, [step])


def _as_placer(actor: Actor) -> Actor:
    """Leave to flatten is leave to stop what is flattened."""
    scopes = actor.token_scopes | {"stop"} if actor.token_scopes else actor.token_scopes
    return Actor(
        kind=actor.kind, name=actor.name, roles=actor.roles, owns=actor.owns,
        factor_age_s=actor.factor_age_s, token_scopes=frozenset(scopes),
        on_behalf_of=actor.on_behalf_of, source=actor.source, request_id=actor.request_id,
    )  # fmt: skip


def warrant_give(
    warrant: Warrant, hold: HoldFact, accounts: Iterable[str], desk: BrakesDesk
) -> tuple[list[str], dict[str, str]]:
    """Give the warrant to the gateways of ``accounts``, all at once: who took it, why others not.

    To give it again changes nothing.
    """
    known = on_disk(desk.home)
    names = sorted(accounts)
    with ThreadPoolExecutor(max_workers=max(len(names), 1), thread_name_prefix="warrant") as pool:
        answers = list(pool.map(lambda name: _given(warrant, hold, known.get(name), desk), names))
    taken = [name for name, refused in zip(names, answers, strict=True) if not refused]
    return taken, {name: why for name, why in zip(names, answers, strict=True) if why}


def _given(warrant: Warrant, hold: HoldFact, entry: Registered | None, desk: BrakesDesk) -> str:
    """Why this gateway did not take it; empty when it did."""
    if entry is None or not entry.address:
        return "no gateway of this account is known on this host"
    try:
        with ControlLink(entry.address, desk.key, timeout_s=ANSWER_S) as link:
            # The hold again, for one that a proof without its answer has left untold so far.
            link.ask(TellHold(hold), HoldTaken)
            return link.ask(TellWarrant(warrant), WarrantTaken).refused
    except ControlError as error:
        return str(error)


def warrants_follow(*, desk: BrakesDesk | None = None) -> int:
    """Give warrants again to gateways that have not proven flat: one may have been down then.

    For the watchdog, every half second; how many were given. Raises django.db.Error.
    """
    at = desk or brakes_desk()
    ordered = ReceiptStep.objects.filter(name=ORDERED).exclude(
        hold__in=HoldLift.objects.values("hold_id")
    )
    count = 0
    for step in ordered:
        warrant = msgspec.convert(
            json.loads(bytes(step.body))["facts"]["warrant"], Warrant, strict=False
        )
        hold = hold_get(step.hold)
        if hold is None or warrant.expires_wall_ns <= wall_ns():
            continue
        ended = ReceiptStep.objects.filter(hold=step.hold, name__in=("flat", "flatten-ended"))
        missing = set(on_disk(at.home)) - set(ended.values_list("account", flat=True))
        if missing:
            taken, _ = warrant_give(warrant, fact_of(hold), missing, at)
            count += len(taken)
    return count
