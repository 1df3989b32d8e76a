"""The state that requests are asked in: what the venue holds, limits, versions, rungs, breaks."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from riskctl.approvals.asked import exact
from riskctl.approvals.kinds import RequestError, part_of
from riskctl.ladder import promote_conditions, stage_of
from riskctl.lifting import hold_id_of, lift_conditions
from riskctl.models import Hold, Limit, Stage
from riskctl.rules import FIRM, account_scope, strategy_scope
from riskctl.rungs import Rung
from riskctl.selectors import fact_of
from trading.models import Break, Position, Strategy, VenueAccount, VenueReading
from trading.resume.reentry import plan
from trading.resume.scope import Covered, covered
from trading.resume.versions import versions_of

Quantities = dict[str, dict[str, str]]


def hold_state(subject: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """Of ``hold:ID``. A change of quantities, limits or versions makes the request void."""
    row = Hold.objects.filter(id=hold_id_of(subject)).first()
    if row is None:
        raise RequestError("subject", f"there is no {subject}")
    hold = fact_of(row)
    within = covered(hold.scope)
    versions = versions_of(within.strategies)
    measured = lift_conditions(hold, request, {"versions": versions})
    return {
        "scope": hold.scope,
        "kind": str(hold.kind),
        "mode": str(hold.mode),
        "placed_at": row.placed_at,
        "quantities": quantities(hold.scope, within),
        "limits": limits_of(within.strategies, within.accounts),
        "versions": versions,
        "stages": stages_of(within.strategies),
        "reenters": {key: str(rung) for key, rung in plan(hold).items()},
        "breaks": breaks_of(within.accounts),
        "conditions": [one.body() for one in measured],
    }


def stage_state(subject: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """Of ``strategy:KEY``. A change of rung, limits or version makes the request void."""
    key = part_of(subject, "strategy")
    strategy = Strategy.objects.select_related("account").filter(key=key).first()
    if strategy is None:
        raise RequestError("subject", f"there is no strategy {key}")
    stands, to = stage_of(key), Rung(str(request.get("to")))
    return {
        "rung": str(stands),
        "limits": limits_of([strategy], strategy.accounts),
        "versions": versions_of([strategy]),
        "conditions": [one.body() for one in promote_conditions(key, stands, to)],
    }


def quantities(scope: str, within: Covered) -> Quantities:
    """What is held in the scope, by account and symbol, without zeros.

    Venue quantities; a strategy's own are those of its fills, since other strategies go on trading
    the same symbols on its account.
    """
    if scope.startswith("strategy:"):
        return _own(within.strategies)
    found: Quantities = {}
    for account in within.accounts:
        reading = VenueReading.objects.filter(account=account).order_by("-taken_at", "-id").first()
        positions = reading.positions if reading else []
        symbol = scope.partition(":")[2] if scope.startswith("instrument:") else ""
        found[account.name] = {
            str(one["symbol"]): exact(Decimal(one["quantity"]))
            for one in positions
            if Decimal(one["quantity"]) and (not symbol or one["symbol"] == symbol)
        }
    return found


def _own(strategies: Sequence[Strategy]) -> Quantities:
    found: Quantities = defaultdict(dict)
    for one in strategies:
        for account in one.account_ids:
            found[account] = {
                row.symbol: exact(row.quantity)
                for row in Position.objects.filter(strategy=one, account=account)
                if row.quantity
            }
    return dict(found)


def limits_of(
    strategies: Sequence[Strategy], accounts: Sequence[VenueAccount]
) -> dict[str, dict[str, str]]:
    """Limits in force on the firm, the accounts and the strategies."""
    scopes = [
        FIRM,
        *(account_scope(one.name) for one in accounts),
        *(strategy_scope(one.key) for one in strategies),
    ]
    found: dict[str, dict[str, str]] = {scope: {} for scope in scopes}
    for row in Limit.objects.filter(scope__in=scopes).order_by("scope", "kind"):
        found[row.scope][row.kind] = exact(row.value)
    return found


def stages_of(strategies: Sequence[Strategy]) -> dict[str, dict[str, str]]:
    rows = Stage.objects.filter(strategy__in=[one.key for one in strategies]).order_by("strategy")
    return {row.strategy: {"rung": row.rung, "factor": exact(row.size_factor)} for row in rows}


def breaks_of(accounts: Sequence[VenueAccount]) -> list[dict[str, Any]]:
    """Open breaks, oldest first."""
    rows = Break.objects.filter(account__in=accounts, ended_at=None).order_by("first_seen", "id")
    return [
        {
            "id": row.id, "account": row.account_id, "what": row.what, "key": row.key,
            "ours": row.ours, "theirs": row.theirs, "value": row.value, "accepted": row.accepted,
        }
        for row in rows
    ]  # fmt: skip
