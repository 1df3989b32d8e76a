"""Signing a gate off, and taking that back. Signing is hard, withdrawing is easy.

The database looks once more whether a signer holds the role then, and is not the other signer
(console/migrations/0012_gate_signers.py).
"""

import uuid

from django.db import transaction

from riskctl.actors import Actor, NotAllowedError, system_actor
from riskctl.approvals.deciding import check_is_person, check_stepped_up, roles_refused
from riskctl.approvals.kinds import RequestError
from riskctl.approvals.recording import recorded, refusals_recorded
from riskctl.conditions import require
from riskctl.holds import COMPLIANCE, OWN, RISK, SRE
from riskctl.ladder import stage_demote, stage_of
from riskctl.rungs import Rung
from trading.gates.rules import BACKTEST, DOCUMENT, PAPER, UNKNOWN_MAKER, maker_known
from trading.gates.standing import REAL, Gates, gates_lock, gates_read, lasting_unmet
from trading.models import SignOff, SignOffWithdrawal, Strategy

ROLES = {SignOff.Gate.RISK: RISK, SignOff.Gate.COMPLIANCE: COMPLIANCE}
MAY_WITHDRAW = frozenset({OWN, RISK, COMPLIANCE, SRE})
LADDER = system_actor("gates", kind="trigger")


def strategy_of(key: str) -> Strategy:
    """Raises NotAllowedError."""
    row = Strategy.objects.select_related("account").filter(key=key).first()
    if row is None:
        raise NotAllowedError("strategy-unknown", f"there is no strategy {key}")
    return row


def sign_off(
    *,
    strategy: str,
    gate: str,
    shown: str,
    actor: Actor,
    reason: str,
    accepts_latency: bool = False,
) -> SignOff:
    """Sign ``gate`` off on the evidence whose digest is ``shown``.

    Raises NotAllowedError, RequestError, and PreconditionError: there is nothing to sign on yet.
    """
    with refusals_recorded("engine.sign-off", actor, ("engine", strategy), reason):
        kind = _gate(gate)
        _check_signs(kind, actor)
        if not reason.strip():
            raise RequestError("reason", "say what you looked at")
        if accepts_latency and kind is not SignOff.Gate.RISK:
            raise RequestError("accepts_latency", "is for the risk approval")
        with transaction.atomic():
            gates_lock(strategy)
            gates = gates_read(strategy_of(strategy))
            _check_fits(gates, kind, shown, actor)
            with roles_refused():
                row = SignOff.objects.create(
                    id=uuid.uuid4(), name=strategy, gate=kind, digest=gates.digest, shown=shown,
                    evidence=dict(gates.evidence), accepts_latency=accepts_latency,
                    signed_by=actor.name, reason=reason,
                )  # fmt: skip
            after = {"gate": gate, **gates.evidence, "accepts_latency": accepts_latency}
            _note("engine.sign-off", row, actor, reason, after)
    return row


def _gate(gate: str) -> SignOff.Gate:
    try:
        return SignOff.Gate(gate)
    except ValueError:
        raise RequestError("gate", f"{gate!r} is none of {', '.join(SignOff.Gate)}") from None


def _check_signs(gate: SignOff.Gate, actor: Actor) -> None:
    check_is_person(actor, "sign-off")
    if ROLES[gate] not in actor.roles:
        raise NotAllowedError("sign-off-not-your-role", f"this is signed by {ROLES[gate]}")
    check_stepped_up(actor, "sign-off")


def _check_fits(gates: Gates, gate: SignOff.Gate, shown: str, actor: Actor) -> None:
    """That it is what was shown, that it is there, and that this is another person."""
    if gates.shown != shown:
        raise NotAllowedError("sign-off-moved", "the evidence is not what was shown: look again")
    if gates.makers and not maker_known(gates.makers):
        raise NotAllowedError("sign-off-maker-unknown", UNKNOWN_MAKER)
    if actor.name.casefold() in {one.casefold() for one in gates.makers}:
        raise NotAllowedError("sign-off-own-document", "who made the document cannot sign it off")
    other = SignOff.objects.filter(
        name=gates.strategy, digest=gates.digest, withdrawal=None, signed_by__iexact=actor.name
    ).exclude(gate=gate)
    if other.exists():
        raise NotAllowedError("sign-off-other-gate", "who signed the other gate cannot sign this")
    require(gates.one(name) for name in (DOCUMENT, BACKTEST, PAPER))


def sign_off_withdraw(*, strategy: str, gate: str, actor: Actor, reason: str = "") -> list[SignOff]:
    """Take back every standing sign-off of ``gate``; down from real money in the same transaction.

    Raises NotAllowedError, RequestError.
    """
    with (
        refusals_recorded("engine.sign-off-withdraw", actor, ("engine", strategy), reason),
        transaction.atomic(),
    ):
        kind = _gate(gate)
        check_is_person(actor, "sign-off")
        if not actor.standings(f"strategy:{strategy}") & MAY_WITHDRAW:
            raise NotAllowedError(
                "sign-off-not-yours", "its trader, risk, compliance or SRE withdraw a sign-off"
            )
        gates_lock(strategy)
        rows = list(SignOff.objects.filter(name=strategy, gate=kind, withdrawal=None))
        if not rows:
            raise NotAllowedError("sign-off-none", f"no sign-off of {gate} stands")
        for row in rows:
            SignOffWithdrawal.objects.create(sign_off=row, withdrawn_by=actor.name, reason=reason)
            _note("engine.sign-off-withdraw", row, actor, reason, {"gate": gate})
        gates_fall(strategy)
    return rows


def gates_fall(key: str) -> Rung | None:
    """Down to monitor where the strategy trades real money and its gates no longer let it; where it
    stands then, None where nothing was done. In the caller's transaction, after ``gates_lock``."""
    row = Strategy.objects.select_related("account").filter(key=key).first()
    if row is None or stage_of(key) not in REAL:
        return None
    unmet = lasting_unmet(row)
    if not unmet:
        return None
    why = "; ".join(f"{one.name}: {one.text}" for one in unmet)
    return stage_demote(strategy=key, to=Rung.MONITOR, actor=LADDER, reason=f"gates closed: {why}")


def _note(action: str, row: SignOff, actor: Actor, reason: str, after: dict[str, object]) -> None:
    recorded(
        action, actor, ("engine", row.name), reason=reason, correlation_id=str(row.id),
        after={"sign_off": row.id, "signed_by": row.signed_by, "digest": row.digest, **after},
    )  # fmt: skip
