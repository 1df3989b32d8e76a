"""A rehearsed kill as evidence: of a rehearsal account, proven by its receipt, books agreeing."""

import datetime as dt
import hashlib
import uuid
from typing import Any

from django.db import transaction

from audit.canonical import canonical_bytes, plain
from riskctl.actors import Actor, NotAllowedError
from riskctl.approvals.deciding import check_is_person
from riskctl.approvals.recording import recorded, refusals_recorded
from riskctl.conditions import Condition, require
from riskctl.holds import RISK, SRE, Kind
from riskctl.receipts import PROOFS, Receipt, receipt_read
from trading.models import Drill, Reconciliation, VenueAccount

FAST_S = 5
"""From the decision to effective; two frozen gateways take about half a second."""


def drill_record(*, hold_id: uuid.UUID, actor: Actor, reason: str = "") -> Drill:
    """Keep a kill of a rehearsal account as a drill without a flaw; that of before, if it was kept.

    Raises NotAllowedError, and PreconditionError with each flaw.
    """
    with refusals_recorded("engine.drill", actor, ("hold", str(hold_id)), reason):
        check_is_person(actor, "drill")
        if not actor.roles & {RISK, SRE}:
            raise NotAllowedError("drill-not-your-role", "risk or SRE record a drill")
        receipt = receipt_read(hold_id)
        if receipt is None:
            raise NotAllowedError("hold-unknown", f"there is no hold {hold_id}")
        account = _rehearsal(receipt)
        flaws, body = _judged(receipt, account)
        require(flaws)
        digest = hashlib.sha256(canonical_bytes(body)).hexdigest()
        with transaction.atomic():
            row, made = Drill.objects.get_or_create(
                digest=digest,
                defaults={
                    "kind": Drill.Kind.KILL, "account": account, "body": plain(body),
                    "happened_at": receipt.row.placed_at, "made_by": actor.name, "reason": reason,
                },
            )  # fmt: skip
            if made:
                recorded(
                    "engine.drill", actor, ("account", account.name), reason=reason,
                    correlation_id=str(hold_id), after={"digest": digest, **body},
                )  # fmt: skip
    return row


def _rehearsal(receipt: Receipt) -> VenueAccount:
    kind, _, name = receipt.row.scope.partition(":")
    found = VenueAccount.objects.filter(name=name, live=False).first() if kind == "venue" else None
    rehearsed = found is not None and VenueAccount.objects.filter(rehearsal=found).exists()
    if found is None or not rehearsed or receipt.row.kind != Kind.KILL:
        raise NotAllowedError(
            "drill-not-rehearsal", "a drill is a kill on venue:ACCOUNT of a rehearsal account"
        )
    return found


def _judged(receipt: Receipt, account: VenueAccount) -> tuple[list[Condition], dict[str, Any]]:
    effective = receipt.step("effective")
    at = effective.row.happened_at if effective else None
    took = (at - receipt.row.placed_at).total_seconds() if at else None
    proofs = [one for one in receipt.of(*PROOFS) if one.row.account == account.name]
    clean = [one for one in receipt.of("none-open") if one.row.account == account.name]
    left = [one for one in receipt.of("still-open") if one.row.account == account.name]
    flight = list(effective.facts.get("in_flight", [])) if effective else []
    agreed = _agreed(account, at)
    conditions = [
        Condition("effective", took is not None and took <= FAST_S,
                  "never proven effective" if took is None
                  else f"after {took:.3f} s, at most {FAST_S}"),
        Condition("proven", bool(proofs), "by its own gateway" if proofs
                  else f"the gateway of {account.name} proved nothing"),
        Condition("nothing in flight", not flight, f"{len(flight)} orders were in flight"),
        Condition("none open", bool(clean) and not left, "nothing was left open" if clean
                  else "it was not proven that nothing was open"),
        Condition("reconciled", agreed is not None, "the books agreed afterwards" if agreed
                  else "no reconciliation has agreed since, or one did not"),
    ]  # fmt: skip
    body = {
        "hold": receipt.hold.id, "placed_by": receipt.row.placed_by, "account": account.name,
        "placed_at": receipt.row.placed_at, "effective_at": at,
        "proofs": sorted({one.row.name for one in proofs}), "reconciled_at": agreed,
    }  # fmt: skip
    return conditions, body


def _agreed(account: VenueAccount, since: dt.datetime | None) -> dt.datetime | None:
    """When the first comparison after the stop was, if it agreed."""
    if since is None:
        return None
    first = Reconciliation.objects.filter(account=account, at__gte=since).order_by("at").first()
    return first.at if first and first.agrees else None
