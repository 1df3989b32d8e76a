"""Cancelling open orders without holding anything: told to every gateway, by its control socket.

Needs no database. A gateway that does not answer is named; its orders are not known to go.
"""

from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace

import structlog

from audit.record import entry_row
from riskctl.actors import Actor, NotAllowedError
from riskctl.clock import wall_ns
from riskctl.control import Cancelling, CancelOpen
from riskctl.desk import BrakesDesk, brakes_desk
from riskctl.everyone import entry_record, everyone_ask
from riskctl.holdrows import utc_of
from riskctl.holds import RULES, Kind, check_scope
from riskctl.placing import NO_REASON
from riskctl.threads import begin

log = structlog.get_logger(__name__)

ANSWER_S = 0.7
REASON_LONGEST = 500


@dataclass(frozen=True, slots=True)
class Cancelled:
    """``cancelling``: account -> ids of the orders it cancels; ``failed``: account -> why not.

    ``complete``: every account's gateway answered, and it is known which accounts there are.
    ``recorded``: whether the record has it, once that is known; who asked need not wait for it.
    """

    scope: str
    reason: str
    cancelling: Mapping[str, list[str]]
    failed: Mapping[str, str]
    accounts_known: bool
    recorded: "Future[bool]" = field(default_factory=Future, compare=False)

    @property
    def complete(self) -> bool:
        return self.accounts_known and not self.failed


def orders_cancel(
    *,
    scope: str,
    actor: Actor,
    reason: str = "",
    protective_too: bool = False,
    desk: BrakesDesk | None = None,
) -> Cancelled:
    """Have every gateway cancel what is open in ``scope``, protective stops only if named.

    Raises riskctl.actors.NotAllowedError, riskctl.holds.ScopeError.
    """
    check_scope(scope)
    may = RULES[Kind.KILL].placed_by
    if not may & actor.standings(scope):
        who = ", ".join(sorted(may))
        raise NotAllowedError("cancel-not-yours", f"Orders in {scope} are cancelled by: {who}.")
    at = desk or brakes_desk()
    why = (reason.strip() or NO_REASON)[:REASON_LONGEST]
    request = CancelOpen(scope, f"{why} ({actor.name})"[:REASON_LONGEST], protective_too)
    asked_wall_ns = wall_ns()
    heard = everyone_ask(at, request, Cancelling, answer_s=ANSWER_S)
    done = Cancelled(
        scope, why, {account: one.orders for account, one in heard.answers.items()},
        heard.failed, heard.accounts_known,
    )  # fmt: skip
    log.warning(
        "orders.cancel", scope=scope, by=actor.name, failed=dict(done.failed),
        orders=sum(len(one) for one in done.cancelling.values()),
    )  # fmt: skip
    return replace(done, recorded=begin(lambda: _record(at, done, actor, asked_wall_ns)))


def _record(desk: BrakesDesk, done: Cancelled, actor: Actor, asked_wall_ns: int) -> bool:
    """Whether it was written; the orders' own entries say what became of each."""
    entry = entry_row(
        action="orders.cancel",
        outcome="done" if done.complete else "failed",
        actor_kind=actor.kind,
        actor=actor.name,
        on_behalf_of=actor.on_behalf_of,
        object_kind="scope",
        object_id=done.scope,
        reason=done.reason,
        source=actor.source,
        request_id=actor.request_id,
        happened_at=utc_of(asked_wall_ns),
        after={
            "cancelling": {account: len(ids) for account, ids in done.cancelling.items()},
            "failed": done.failed,
        },
    )
    return entry_record(desk, entry)
