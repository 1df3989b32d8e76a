"""Reading a receipt: a hold with every signed step of its proof, and what is not proven yet.

What a step says is read from the bytes that were signed, not from the columns beside them.
"""

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from audit.canonical import plain
from audit.signing import Signer, signature_holds
from riskctl.holdrows import utc_of
from riskctl.holds import HoldFact, Mode
from riskctl.models import Hold, HoldLift, Lease, ReceiptStep
from riskctl.placing import hold_body
from riskctl.selectors import fact_of

PROOFS = ("acknowledged", "dead", "expired")
FLATTENING = ("unclosable", "flat", "flatten-ended")
SHOWN_CANCELS = 1_000


@dataclass(frozen=True, slots=True)
class SignedStep:
    """``said``: what the signed bytes say; not ``whole`` when its reader may not see all of it."""

    row: ReceiptStep
    said: Mapping[str, Any]
    whole: bool = True

    @property
    def facts(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.said.get("facts", {})
        return found

    def body(self) -> dict[str, Any]:
        """For REST; ``signed`` is the text that was signed: empty unless all of it is shown."""
        return {
            "step": self.row.name,
            "account": self.row.account,
            "happened_at": self.row.happened_at,
            "by": self.said.get("by", ""),
            "facts": self.facts,
            "signed": bytes(self.row.body).decode() if self.whole else "",
            "signature": bytes(self.row.signature).hex(),
            "key_id": self.row.key_id,
        }


@dataclass(frozen=True, slots=True)
class Receipt:
    """``hold`` and ``lift`` as recorded; ``steps`` oldest first; ``accounts``: all there are."""

    hold: HoldFact
    row: Hold
    lift: HoldLift | None
    steps: tuple[SignedStep, ...]
    accounts: tuple[str, ...]

    @property
    def effective(self) -> bool:
        return self.step("effective") is not None

    def step(self, name: str) -> SignedStep | None:
        return next((one for one in self.steps if one.row.name == name), None)

    def of(self, *names: str) -> list[SignedStep]:
        return [one for one in self.steps if one.row.name in names]


def receipt_read(hold_id: uuid.UUID) -> Receipt | None:
    """The receipt as recorded so far, None when there is no such hold. Raises db.Error."""
    row = Hold.objects.filter(id=hold_id).first()
    if row is None:
        return None
    steps = ReceiptStep.objects.filter(hold=hold_id).order_by("happened_at", "recorded_at", "id")
    leases = Lease.objects.filter(role="gateway").values_list("name", flat=True)
    return Receipt(
        hold=fact_of(row),
        row=row,
        lift=HoldLift.objects.filter(hold_id=hold_id).first(),
        steps=tuple(SignedStep(one, json.loads(bytes(one.body))) for one in steps),
        accounts=tuple(sorted(name.partition(":")[2] for name in leases)),
    )


def effective_at(hold_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, Any]:
    """When each of these holds was proven; those that are not are missing. Raises db.Error."""
    rows = ReceiptStep.objects.filter(hold__in=list(hold_ids), name="effective")
    return dict(rows.values_list("hold", "happened_at"))


def steps_unsound(receipt: Receipt, public_pem: str) -> list[uuid.UUID]:
    """Ids of steps whose signature is not over their bytes by this key, or that name another hold.

    Raises audit.signing.SigningKeyError.
    """
    return [
        one.row.id
        for one in receipt.steps
        if one.said.get("hold") != receipt.hold.id
        or not signature_holds(public_pem, bytes(one.row.body), bytes(one.row.signature))
    ]


def receipt_body(receipt: Receipt, signer: Signer) -> dict[str, Any]:
    """The whole receipt, signed as it is shown; each of its steps has its own signature too."""
    body: dict[str, Any] = plain(_shown(receipt))
    signed = signer.sign(body)
    return {**body, "signature": signed.signature.hex(), "key_id": signed.key_id}


def _shown(receipt: Receipt) -> dict[str, Any]:
    effective = receipt.step("effective")
    latched = _latched(receipt, effective)
    return {
        "hold": hold_body(receipt.hold),
        "status": "effective" if effective else "latched",
        "decided_at": utc_of(receipt.hold.placed_wall_ns),
        "latched_at": latched,
        "effective_at": effective.row.happened_at if effective else None,
        "not_recorded": "",
        "gateways": _gateways(receipt),
        "in_flight": list(effective.facts.get("in_flight", [])) if effective else [],
        "unproven": unproven(receipt),
        "cancelled": _cancelled(receipt),
        "still_open": _still_open(receipt),
        "none_open": _by_account(receipt.of("none-open")),
        "flattening": [_named(one) for one in receipt.of(*FLATTENING)],
        "flat": _by_account(receipt.of("flat")),
        "lift": None if receipt.lift is None else lift_body(receipt.lift),
        "steps": [one.body() for one in receipt.steps],
    }


def _latched(receipt: Receipt, effective: SignedStep | None) -> Any:
    """When somebody who does not forget knew it; the row's own time is never earlier."""
    if effective is None or "latched_us" not in effective.facts:
        return receipt.row.recorded_at
    return utc_of(receipt.hold.placed_wall_ns + int(effective.facts["latched_us"]) * 1_000)


def _gateways(receipt: Receipt) -> list[dict[str, Any]]:
    """The first proof of each account: how, when, and what was on its way then."""
    found: dict[str, dict[str, Any]] = {}
    for one in receipt.of(*PROOFS):
        found.setdefault(
            one.row.account,
            {
                **one.facts, "account": one.row.account, "proof": one.row.name,
                "proven_at": one.row.happened_at,
            },
        )  # fmt: skip
    return [found[account] for account in sorted(found)]


def sweeps(hold: HoldFact) -> bool:
    """Whether the gateways must prove that what the hold wants gone is gone."""
    return hold.cancels or hold.mode is Mode.REDUCE_ONLY


def unproven(receipt: Receipt) -> list[dict[str, Any]]:
    """What is still to be proven, by account. A hold that was lifted is waited for no more."""
    if receipt.lift is not None:
        return []
    found: list[dict[str, Any]] = []
    if not receipt.effective:
        proven = {one.row.account for one in receipt.of(*PROOFS)}
        found += [
            _open_point("gateway", account, "has not proven that it knows the hold")
            for account in receipt.accounts
            if account not in proven
        ]
    if sweeps(receipt.hold):
        clean = {one.row.account for one in receipt.of("none-open")}
        found += [
            _open_point("none-open", account, "orders may still be open at the venue")
            for account in receipt.accounts
            if account not in clean
        ]
    return found


def _open_point(what: str, account: str, why: str) -> dict[str, Any]:
    return {"what": what, "account": account, "why": why, "deadline_ms": None}


def _cancelled(receipt: Receipt) -> dict[str, Any]:
    """How many cancels are confirmed, when the last one was, and the orders."""
    steps = receipt.of("cancel-confirmed")
    last = max((one.row.happened_at for one in steps), default=None)
    orders = [{**one.facts, "account": one.row.account} for one in steps[-SHOWN_CANCELS:]]
    return {"count": len(steps), "last_at": last, "orders": orders}


def _still_open(receipt: Receipt) -> list[dict[str, Any]]:
    """What was left when last named, for accounts that are not proven empty since."""
    clean = {one.row.account for one in receipt.of("none-open")}
    latest = {one.row.account: one for one in receipt.of("still-open")}
    return [_named(one) for account, one in sorted(latest.items()) if account not in clean]


def _by_account(steps: Sequence[SignedStep]) -> list[dict[str, Any]]:
    return [_named(one) for one in sorted(steps, key=lambda one: one.row.account)]


def _named(one: SignedStep) -> dict[str, Any]:
    return {
        **one.facts, "step": one.row.name, "account": one.row.account, "at": one.row.happened_at,
    }  # fmt: skip


def lift_body(lift: HoldLift) -> dict[str, Any]:
    return {
        "lifted_by": lift.lifted_by,
        "second": lift.second,
        "reason": lift.reason,
        "approval": lift.approval,
        "lifted_at": lift.lifted_at,
    }
