"""``hold_place``: the one service that is more than a transaction. Stopping waits for nothing.

It needs no approval, no step-up and no reason (a default is recorded), is not rate limited, and
another stop under way delays it not at all.
"""

import uuid
from dataclasses import dataclass
from typing import Any

import structlog
from psycopg import Error

from audit.canonical import plain
from riskctl.actors import Actor, NotAllowedError
from riskctl.clock import wall_ns
from riskctl.desk import BrakesDesk, brakes_desk
from riskctl.holdrows import utc_of
from riskctl.holds import RULES, HoldFact, Kind, Mode, check_scope
from riskctl.pending import pending_drop, pending_read
from riskctl.placement import Placement
from riskctl.writing import steps_write

log = structlog.get_logger(__name__)

PATIENCE_S = 0.7
"""How long a caller is kept waiting for proof; a frozen gateway is proven after about 0.5 s."""
REASON_BYTES = 1_500
NO_REASON = "no reason given"


@dataclass(frozen=True, slots=True)
class Placing:
    """A hold that was placed, and how far its proof is."""

    placement: Placement
    signed: dict[str, Any]

    @property
    def hold(self) -> HoldFact:
        return self.placement.hold

    @property
    def effective(self) -> bool:
        return self.placement.effective

    def body(self) -> dict[str, Any]:
        """The receipt so far, with its signature."""
        return self.signed


def hold_place(
    *,
    scope: str,
    kind: Kind,
    actor: Actor,
    reason: str = "",
    mode: Mode | None = None,
    cancels: bool | None = None,
    protective_too: bool = False,
    hold_id: uuid.UUID | None = None,
    patience_s: float = PATIENCE_S,
    desk: BrakesDesk | None = None,
) -> Placing:
    """Place a hold: effective when this returns with ``effective``, else latched.

    ``mode`` and ``cancels`` may only be stricter than the kind's own. The same ``hold_id`` again is
    the same hold while that is open; one that was lifted stops nothing, so another is placed.
    Raises riskctl.actors.NotAllowedError, riskctl.holds.ScopeError, ValueError.
    """
    hold = hold_of(
        scope=scope, kind=kind, actor=actor, reason=reason, mode=mode, cancels=cancels,
        protective_too=protective_too, hold_id=hold_id,
    )  # fmt: skip
    at = desk or brakes_desk()
    placement = Placement(at, hold, again=hold_id is not None)
    placement.start()
    placement.wait(patience_s)
    if placement.lifted:
        placement.end()
        log.warning("hold.lifted-before", hold=hold.id, scope=scope, by=actor.name)
        return hold_place(
            scope=scope, kind=kind, actor=actor, reason=reason, mode=mode, cancels=cancels,
            protective_too=protective_too, patience_s=patience_s, desk=at,
        )  # fmt: skip
    placed = Placing(placement, _signed(at, placement))
    placement.note()  # last: its thread would only keep the caller waiting
    log.warning(
        "hold.placed", hold=hold.id, scope=scope, kind=str(kind), mode=str(hold.mode),
        by=actor.name, effective=placement.effective,
    )  # fmt: skip
    return placed


def hold_of(
    *,
    scope: str,
    kind: Kind,
    actor: Actor,
    reason: str,
    mode: Mode | None,
    cancels: bool | None,
    protective_too: bool,
    hold_id: uuid.UUID | None,
) -> HoldFact:
    """The hold as asked for, if ``actor`` may place it. Raises as ``hold_place``."""
    rule = RULES[kind]
    check_scope(scope)
    if not rule.placed_by & actor.standings(scope):
        who = ", ".join(sorted(rule.placed_by))
        raise NotAllowedError("hold-not-yours", f"A {kind} on {scope} is placed by: {who}.")
    wanted = mode or rule.mode
    if wanted.strictness < rule.mode.strictness:
        raise ValueError(f"mode: a {kind} is {rule.mode} at least, not {wanted}")
    return HoldFact(
        id=str(hold_id or uuid.uuid4()),
        scope=scope,
        kind=kind,
        mode=wanted,
        cancels=rule.cancels if cancels is None else (cancels or rule.cancels),
        protective_too=protective_too,
        reason=_cut(reason.strip() or NO_REASON),
        placed_by=actor.name,
        actor_kind=actor.kind,
        placed_wall_ns=wall_ns(),
        on_behalf_of=actor.on_behalf_of[:150],
        source=actor.source[:64],
        request_id=actor.request_id[:64],
    )


def _cut(reason: str) -> str:
    """What fits a slot of a journal; whole characters."""
    clean = reason.replace("\0", " ")
    return clean.encode()[:REASON_BYTES].decode(errors="ignore")


def _signed(desk: BrakesDesk, placement: Placement) -> dict[str, Any]:
    body: dict[str, Any] = plain(_receipt(placement))
    signed = desk.signer.sign(body)
    return {**body, "signature": signed.signature.hex(), "key_id": signed.key_id}


def _receipt(placement: Placement) -> dict[str, Any]:
    hold = placement.hold
    proofs = sorted(placement.proofs.values(), key=lambda one: one.account)
    return {
        "hold": hold_body(hold),
        "status": "effective" if placement.effective else "latched",
        "decided_at": utc_of(hold.placed_wall_ns),
        "latched_at": _time(placement.latched_wall_ns),
        "effective_at": _time(placement.effective_wall_ns),
        "not_recorded": placement.not_recorded,
        "gateways": [
            {
                "account": proof.account,
                "proof": proof.how,
                **proof.facts,
                "in_flight": [
                    {
                        "client_order_id": one.client_order_id, "symbol": one.symbol,
                        "side": one.side, "quantity": one.quantity, "state": one.state,
                    }
                    for one in proof.in_flight
                ],
            }
            for proof in proofs
        ],
        "unproven": [
            {"account": account, "why": why, "deadline_ms": left if left >= 0 else None}
            for account, why, left in placement.unproven()
        ],
    }  # fmt: skip


def hold_body(hold: HoldFact) -> dict[str, Any]:
    """A hold as receipts and REST show it."""
    return {
        "id": hold.id,
        "scope": hold.scope,
        "kind": str(hold.kind),
        "mode": str(hold.mode),
        "cancels": hold.cancels,
        "protective_too": hold.protective_too,
        "reason": hold.reason,
        "placed_by": hold.placed_by,
        "placed_at": utc_of(hold.placed_wall_ns),
        "on_behalf_of": hold.on_behalf_of,
    }


def _time(at_wall_ns: int) -> Any:
    return utc_of(at_wall_ns) if at_wall_ns else None


# Following: for the watchdog, every half second ---------------------------------------------------


def pending_write(*, desk: BrakesDesk | None = None) -> int:
    """Write up what callers on this host could not; how many are now in the database.

    Raises psycopg.Error while it is away, ValueError naming a file that cannot be read.
    """
    at = desk or brakes_desk()
    found = pending_read(at.home)
    for one in found:
        steps_write(at, one.hold, one.steps)
        pending_drop(at.home, one.hold.id)
    return len(found)


def hold_follow(hold: HoldFact, *, desk: BrakesDesk | None = None) -> bool:
    """Prove a hold that the database has and that is not proven yet; whether it is now."""
    at = desk or brakes_desk()
    placement = Placement(at, hold, committed=True)
    placement.start()
    effective = placement.wait(PATIENCE_S)
    placement.end()
    try:
        placement.note_now()
    except Error as error:
        log.warning("receipt.not-written", hold=hold.id, error=str(error).strip())
    return effective
