"""A hold's receipt at the shell: read from the database or from this host's disk, and shown."""

import json
import uuid
from dataclasses import dataclass, field
from typing import Any

from audit.canonical import plain, rfc3339
from audit.signing import Signer, signature_holds
from console.cli.bounded import Database
from console.cli.output import show, show_table
from riskctl.desk import BrakesDesk
from riskctl.holds import HoldFact
from riskctl.pending import Pending, pending_read
from riskctl.placing import Placing, hold_body
from riskctl.reading import hold_of

ASK_S = 1.0

HOLD_SQL = """
SELECT h.id::text, h.scope, h.kind, h.mode, h.cancels, h.protective_too, h.reason, h.placed_by,
  h.actor_kind, (extract(epoch FROM h.placed_at) * 1000000)::bigint, h.on_behalf_of, h.source,
  h.request_id, l.lifted_by, l.second, l.reason, l.lifted_at
FROM riskctl_hold h LEFT JOIN riskctl_holdlift l ON l.hold_id = h.id WHERE h.id = %(hold)s
"""
STEPS_SQL = """
SELECT id, name, account, happened_at, body, signature, key_id FROM riskctl_receiptstep
WHERE hold = %(hold)s ORDER BY happened_at, recorded_at, id
"""


@dataclass(frozen=True, slots=True)
class Shown:
    """One step. ``signed``: its signature holds, does not, or None: by a key not known here."""

    id: str
    name: str
    account: str
    happened_at: str
    facts: dict[str, Any]
    key_id: str
    signed: bool | None

    def body(self) -> dict[str, Any]:
        return {
            "step": self.name, "account": self.account, "happened_at": self.happened_at,
            "facts": self.facts, "key_id": self.key_id, "signed": self.signed,
        }  # fmt: skip


@dataclass
class Receipt:
    """``lift``: by whom, with whom, why and when, None while it lies. ``why``: it is not read from
    the database, and why."""

    hold: HoldFact
    steps: list[Shown] = field(default_factory=list)
    lift: dict[str, Any] | None = None
    why: str = ""

    @property
    def effective(self) -> bool:
        return any(one.name == "effective" for one in self.steps)

    def body(self) -> dict[str, Any]:
        return {
            "hold": hold_body_plain(self.hold),
            "status": "effective" if self.effective else "latched",
            "lift": self.lift,
            "not_recorded": self.why,
            "steps": [one.body() for one in self.steps],
        }


def hold_body_plain(hold: HoldFact) -> dict[str, Any]:
    """As REST shows it, ready for JSON."""
    body: dict[str, Any] = plain(hold_body(hold))
    return body


def receipt_read(database: Database, desk: BrakesDesk, hold_id: str) -> Receipt | None:
    """From the database; None when it has no such hold. Raises psycopg.Error, TimeoutError."""
    rows = database.rows(HOLD_SQL, {"hold": uuid.UUID(hold_id)}, within_s=ASK_S)
    if not rows:
        return None
    *hold, by, second, reason, at = rows[0]
    lift = None
    if by is not None:
        lift = {"lifted_by": by, "second": second, "reason": reason, "lifted_at": rfc3339(at)}
    return Receipt(hold_of(hold), steps_read(database, desk.signer, hold_id), lift)


def steps_read(database: Database, signer: Signer, hold_id: str) -> list[Shown]:
    """Raises psycopg.Error, TimeoutError."""
    rows = database.rows(STEPS_SQL, {"hold": uuid.UUID(hold_id)}, within_s=ASK_S)
    public, ours = signer.public_pem, signer.key_id
    return [
        Shown(
            id=str(ident),
            name=name,
            account=account,
            happened_at=rfc3339(at),
            facts=json.loads(body)["facts"],
            key_id=key,
            signed=signature_holds(public, body, signature) if key == ours else None,
        )
        for ident, name, account, at, body, signature, key in rows
    ]


def receipt_kept(desk: BrakesDesk, hold_id: str, because: str) -> Receipt | None:
    """What lies on this host's disk of a hold that the database does not have yet."""
    found = [one for one in pending_read(desk.home) if one.hold.id == hold_id]
    return _from_disk(found[0], because) if found else None


def _from_disk(kept: Pending, because: str) -> Receipt:
    steps = [
        Shown(
            id=f"{step.name} {step.part} {step.account}",
            name=step.name,
            account=step.account,
            happened_at="",
            facts=step.facts,
            key_id="",
            signed=None,
        )
        for step in kept.steps
    ]
    return Receipt(kept.hold, steps, why=because)


# Showing -----------------------------------------------------------------------------------------


def placing_show(placing: Placing) -> None:
    """What is proven at the moment of the answer."""
    body = placing.body()
    hold = placing.hold
    if placing.effective:
        took = (placing.placement.effective_wall_ns - hold.placed_wall_ns) / 1e6
        show(f"EFFECTIVE after {took:.1f} ms  {_hold_line(hold)}")
    elif body["latched_at"]:
        show(f"LATCHED, not proven yet  {_hold_line(hold)}")
    else:
        show(f"NOT KEPT ANYWHERE  {_hold_line(hold)}")
    rows = [
        (
            one["account"], one["proof"], one.get("open_orders", "-"),
            " ".join(order["client_order_id"] for order in one["in_flight"]) or "none",
        )
        for one in body["gateways"]
    ]  # fmt: skip
    if rows:
        show_table(("gateway", "proof", ">open orders", "in flight"), rows)


def _hold_line(hold: HoldFact) -> str:
    acts = ", open orders are cancelled" if hold.cancels else ""
    return f"{hold.kind} on {hold.scope}: {hold.mode}{acts}  hold {hold.id}"


def receipt_show(receipt: Receipt) -> None:
    hold = receipt.hold
    show(f"{'EFFECTIVE' if receipt.effective else 'LATCHED'}  {_hold_line(hold)}")
    placed = hold_body_plain(hold)["placed_at"]
    show(f"placed by {hold.placed_by} at {placed}: {hold.reason}")
    if receipt.lift:
        second = f" and {receipt.lift['second']}" if receipt.lift["second"] else ""
        show(f"LIFTED by {receipt.lift['lifted_by']}{second} at {receipt.lift['lifted_at']}")
    for step in receipt.steps:
        step_show(step)


def step_show(step: Shown) -> None:
    facts = " ".join(f"{k}={_fact(v)}" for k, v in step.facts.items())
    sign = {True: "", False: "  SIGNATURE DOES NOT HOLD", None: "  signature not checked"}
    where = step.account or "all"
    show(f"{step.happened_at or 'kept on disk':<28}{where:<14}{step.name:<18}{facts}"
         f"{sign[step.signed]}")  # fmt: skip


def _fact(value: Any) -> str:
    return json.dumps(value) if isinstance(value, list | dict) else str(value)
