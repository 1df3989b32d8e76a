"""Cancelling open orders without holding anything: told to every gateway, by its control socket.

Needs no database: the register on this host's disk says where gateways are. A gateway that does
not answer is named; its orders are not known to go.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from functools import partial

import psycopg
import structlog

from audit.record import INSERT_SQL, entry_row
from riskctl.actors import Actor, NotAllowedError
from riskctl.clock import wall_ns
from riskctl.control import Cancelling, CancelOpen, ControlError, ControlLink
from riskctl.desk import BrakesDesk, brakes_desk
from riskctl.holdrows import utc_of
from riskctl.holds import RULES, Kind, check_scope
from riskctl.placing import NO_REASON
from riskctl.registered import ACCOUNTS_SQL, Registered, from_row, newest, on_disk
from riskctl.threads import begin
from riskctl.unrecorded import entry_keep

log = structlog.get_logger(__name__)

ANSWER_S = 0.7
DATABASE_S = 0.2
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
    told: dict[str, Future[list[str]]] = {}
    lookup = begin(lambda: _in_database(at), psycopg.Error)
    _tell(at, request, _known_here(at), told)
    known = _found(lookup)
    _tell(at, request, known or {}, told)
    done = _gathered(scope, why, told, accounts_known=known is not None)
    log.warning(
        "orders.cancel", scope=scope, by=actor.name, failed=dict(done.failed),
        orders=sum(len(one) for one in done.cancelling.values()),
    )  # fmt: skip
    return replace(done, recorded=begin(lambda: _record(at, done, actor, asked_wall_ns)))


def _known_here(desk: BrakesDesk) -> dict[str, Registered]:
    try:
        return on_disk(desk.home)
    except (OSError, ValueError) as error:
        log.error("register.unreadable", error=str(error))
        return {}


def _in_database(desk: BrakesDesk) -> dict[str, Registered]:
    """Raises psycopg.Error."""
    connection = desk.connection()
    rows = connection.execute(ACCOUNTS_SQL.encode()).fetchall()
    desk.give_back(connection)
    here = _known_here(desk)
    found = {one.account: one for one in map(from_row, rows)}
    return {account: newest(here.get(account), one) for account, one in found.items()}


def _found(lookup: "Future[dict[str, Registered]]") -> dict[str, Registered] | None:
    """What the database says in time; None when it does not."""
    try:
        return lookup.result(DATABASE_S)
    except (TimeoutError, psycopg.Error) as error:
        log.warning("register.database-silent", error=str(error) or type(error).__name__)
        return None


def _tell(
    desk: BrakesDesk,
    request: CancelOpen,
    entries: Mapping[str, Registered],
    told: dict[str, "Future[list[str]]"],
) -> None:
    """Each account once, in a thread of its own: none waits for another."""
    for account, entry in entries.items():
        if account not in told:
            told[account] = begin(partial(_ask, desk, request, entry), ControlError)


def _ask(desk: BrakesDesk, request: CancelOpen, entry: Registered) -> list[str]:
    """Raises ControlError."""
    if not entry.address:
        raise ControlError("it never had a gateway")
    with ControlLink(entry.address, desk.key, timeout_s=0.3) as link:
        link.wait_at_most(ANSWER_S)
        return link.ask(request, Cancelling).orders


def _gathered(
    scope: str, reason: str, told: Mapping[str, "Future[list[str]]"], *, accounts_known: bool
) -> Cancelled:
    cancelling: dict[str, list[str]] = {}
    failed: dict[str, str] = {}
    for account, answer in sorted(told.items()):
        try:
            cancelling[account] = answer.result(ANSWER_S + 0.6)
        except (ControlError, TimeoutError) as error:
            failed[account] = str(error) or "no answer in time"
    return Cancelled(scope, reason, cancelling, failed, accounts_known)


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
    try:
        connection = desk.connection()
        connection.execute(INSERT_SQL.encode(), entry)
    except psycopg.Error as error:
        log.error("orders.cancel-not-recorded", scope=done.scope, error=str(error).strip())
        _keep(desk, entry)
        return False
    desk.give_back(connection)
    return True


def _keep(desk: BrakesDesk, entry: Sequence[object]) -> None:
    """On this host's disk: the watchdog enters it, with its time, when the record takes it."""
    try:
        entry_keep(desk.home, entry)
    except OSError as error:
        log.critical("orders.cancel-not-kept", entry=str(entry[0]), error=str(error))
