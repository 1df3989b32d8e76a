"""Whether a strategy may trade real money: every gate on the way up, what lasts on the way back.

A version passed once where two people took it up with every gate met; that request says so.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connection

from riskctl.conditions import Condition
from riskctl.ladder import APPROVAL
from riskctl.models import Approval, Limit, Stage
from riskctl.rules import FIRM, GROSS_NOTIONAL, strategy_scope
from riskctl.rungs import Rung
from trading.gates.facts import evidence_of, facts_read, shown_digest
from trading.gates.rules import DOCUMENT, FIRST_STEP, LASTING, conditions_of
from trading.models import Strategy
from trading.resume.vitals import Vitals

REAL = (Rung.RAMP, Rung.LIVE)
PASSED_ONCE = "passed once"


@dataclass(frozen=True, slots=True)
class Gates:
    """``shown``: digest of what a sign-off of now would rest on. ``live``: its account is real, so
    that the gates hold it back."""

    strategy: str
    live: bool
    digest: str
    shown: str
    makers: tuple[str, ...]
    evidence: Mapping[str, Any]
    conditions: tuple[Condition, ...]

    @property
    def maker(self) -> str:
        """Who first wrote the document; empty without one."""
        return self.makers[0] if self.makers else ""

    @property
    def open(self) -> bool:
        return all(one.met for one in self.conditions)

    def one(self, name: str) -> Condition:
        return next(one for one in self.conditions if one.name == name)


def trades_real(strategy: Strategy) -> bool:
    """Whether any of its accounts reaches a real venue."""
    return any(one.live for one in strategy.accounts)


def gates_read(strategy: Strategy, vitals: Vitals | None = None) -> Gates:
    """``vitals`` None: readiness is not looked at, and not met. Raises db.Error."""
    facts = facts_read(strategy, vitals)
    return Gates(
        strategy.key, trades_real(strategy), facts.digest, shown_digest(facts),
        tuple(facts.makers), evidence_of(facts), tuple(conditions_of(facts)),
    )  # fmt: skip


def gates_lock(key: str) -> None:
    """In the caller's transaction: nobody signs, withdraws, stores a version or climbs meanwhile.

    The ladder's row first, as promoting takes it, so that two never wait for each other.
    """
    Stage.objects.select_for_update().filter(strategy=key).first()
    versions_lock(key)


def versions_lock(key: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"engine:{key}"])


def gate_conditions(strategy: Strategy, vitals: Vitals) -> list[Condition]:
    """Of a step up to real money; none where the account is simulated."""
    if not trades_real(strategy):
        return []
    if connection.in_atomic_block:
        versions_lock(strategy.key)
    gates = gates_read(strategy, vitals)
    return [*gates.conditions, *_first_step(strategy)]


def _first_step(strategy: Strategy) -> list[Condition]:
    """Of one that never traded real money: whatever set its limit, it begins small."""
    if _passed_once(strategy.key):
        return []
    values = dict(
        Limit.objects.filter(
            scope__in=[FIRM, strategy_scope(strategy.key)], kind=GROSS_NOTIONAL
        ).values_list("scope", "value")
    )
    firm, own = values.get(FIRM), values.get(strategy_scope(strategy.key))
    most = None if firm is None else firm * FIRST_STEP
    met = most is not None and own is not None and own <= most
    text = f"a gross limit of {FIRST_STEP:.1%} of the firm's at most: lower its riskLimit to that"
    return [Condition("first step", met, text, {"limit": own, "most": most})]


def lasting_unmet(strategy: Strategy) -> list[Condition]:
    """What keeps a strategy off real money that was there before; none where it is simulated."""
    if not trades_real(strategy):
        return []
    gates = gates_read(strategy)
    found = [one for one in gates.conditions if one.name in LASTING and not one.met]
    if not found and not _passed_once(strategy.key, gates.digest):
        text = "this version was never taken up to real money with every gate met"
        found = [Condition(PASSED_ONCE, False, text, {"digest": gates.digest})]
    return found


def _passed_once(key: str, digest: str = "") -> bool:
    """This version, or any."""
    said = [{"name": DOCUMENT, "met": True, **({"evidence": {"digest": digest}} if digest else {})}]
    return Approval.objects.filter(
        kind=APPROVAL, subject=f"strategy:{key}", state=Approval.State.EXECUTED,
        result__conditions__contains=said,
    ).exists()  # fmt: skip
