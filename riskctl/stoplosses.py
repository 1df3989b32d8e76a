"""Stop-losses on open positions, by percentage, in one call: told to every gateway.

It lowers risk, so it waits for nobody and is allowed while everything is halted; but what it leaves
closes a position when its price comes, so it is for those who may close: risk, a token that may
flatten, and a trader on a strategy of their own. Nothing here moves a stop away from the price.
"""

import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation

import structlog

from audit.record import entry_row
from riskctl.actors import Actor, NotAllowedError
from riskctl.clock import wall_ns
from riskctl.control import SetStops, StopLine, StopsSet
from riskctl.desk import BrakesDesk, brakes_desk
from riskctl.everyone import entry_record, everyone_ask
from riskctl.holdrows import utc_of
from riskctl.holds import OWN, RISK, check_scope
from riskctl.placing import NO_REASON
from riskctl.threads import begin

log = structlog.get_logger(__name__)

ANSWER_S = 2.5
RECORD_S = 3.0
REASON_LONGEST = 500
LEAST, MOST = Decimal("0.01"), Decimal(50)
NOT_YOURS = "Stop-losses are set by risk, or by a trader on a strategy of their own."
COVERED = ("resting", "watched", "closing", "ended")
"""States in which somebody closes the position at the price, or did."""


class PercentageError(ValueError):
    """It is no percentage that a stop-loss can have; ``str`` says which can."""


@dataclass(frozen=True, slots=True)
class StopLosses:
    """``stops`` by account, one line a position; ``failed``: account -> why nothing is known.

    ``complete``: every gateway answered, and every position is covered as was asked.
    """

    id: str
    scope: str
    percentage: Decimal
    reason: str
    dry_run: bool
    stops: Mapping[str, Sequence[StopLine]]
    failed: Mapping[str, str]
    accounts_known: bool
    recorded: "Future[bool]" = field(default_factory=Future, compare=False)

    def in_record(self, wait_s: float) -> bool:
        """Whether the record has it; waits for what would end with a short process."""
        try:
            return self.recorded.result(wait_s)
        except TimeoutError:
            return False

    @property
    def complete(self) -> bool:
        lines = [one for stops in self.stops.values() for one in stops]
        covered = self.dry_run or all(
            one.state in COVERED and not (one.not_as_asked or one.blind) for one in lines
        )
        return covered and self.accounts_known and not self.failed


def may_set_stop_losses(actor: Actor, scope: str) -> bool:
    """Risk, a token with the scope ``flatten``, the trader of that strategy."""
    return bool({RISK, OWN} & actor.standings(scope)) or "flatten" in actor.token_scopes


def percentage_of(given: object) -> Decimal:
    """From 0.01 to 50 with two decimals at most; a number or its text. Raises PercentageError."""
    try:
        value = Decimal(str(given)) if not isinstance(given, bool) else Decimal(0)
    except InvalidOperation:
        value = Decimal(0)
    if not value.is_finite() or not LEAST <= value <= MOST or value != round(value, 2):
        raise PercentageError(f"a percentage from {LEAST} to {MOST} with two decimals at most")
    return value


def stop_losses_set(
    *,
    scope: str,
    percentage: Decimal,
    actor: Actor,
    reason: str = "",
    symbols: Sequence[str] = (),
    dry_run: bool = False,
    request_id: uuid.UUID | None = None,
    desk: BrakesDesk | None = None,
) -> StopLosses:
    """Have every gateway put one under each open position in ``scope``; ``dry_run``: say which.

    Repeated with its ``request_id`` it changes nothing that stands. Raises
    riskctl.actors.NotAllowedError, riskctl.holds.ScopeError.
    """
    check_scope(scope)
    if not may_set_stop_losses(actor, scope):
        raise NotAllowedError("stop-losses-not-yours", NOT_YOURS)
    at, asked_wall_ns = desk or brakes_desk(), wall_ns()
    why = (reason.strip() or NO_REASON)[:REASON_LONGEST]
    request = SetStops(
        id=str(request_id or uuid.uuid4()), scope=scope, percentage=f"{percentage:f}",
        placed_by=actor.name, reason=why, symbols=tuple(symbols), dry_run=dry_run,
    )  # fmt: skip
    heard = everyone_ask(at, request, StopsSet, answer_s=ANSWER_S)
    done = StopLosses(
        id=request.id, scope=scope, percentage=percentage, reason=why, dry_run=dry_run,
        stops={account: one.stops for account, one in heard.answers.items()},
        failed=heard.failed, accounts_known=heard.accounts_known,
    )  # fmt: skip
    if dry_run:
        return done
    log.warning("stop-losses.set", scope=scope, by=actor.name, failed=dict(done.failed))
    return replace(done, recorded=begin(lambda: _record(at, done, actor, asked_wall_ns)))


def _record(desk: BrakesDesk, done: StopLosses, actor: Actor, asked_wall_ns: int) -> bool:
    """Whether it was written; what the gateways do has entries of its own."""
    states = {
        account: {
            f"{one.strategy}/{one.symbol}": f"{one.state} {one.stop_price}".strip() for one in stops
        }
        for account, stops in done.stops.items()
    }
    entry = entry_row(
        action="stop-losses.set",
        outcome="done" if done.complete else "failed",
        actor_kind=actor.kind,
        actor=actor.name,
        on_behalf_of=actor.on_behalf_of,
        object_kind="scope",
        object_id=done.scope,
        reason=done.reason,
        source=actor.source,
        request_id=actor.request_id,
        correlation_id=done.id,
        happened_at=utc_of(asked_wall_ns),
        after={"percentage": done.percentage, "positions": states, "failed": done.failed},
    )
    return entry_record(desk, entry)
