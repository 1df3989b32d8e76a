"""Reconciles venue accounts, every ten seconds and on demand.

The venue's word is the newest reading that its gateway wrote down. One transaction an account,
under the account's lock, so that two runs at once find the same breaks once. The lock is one that
the gateway's own inserts do not wait for.
"""

import datetime as dt
import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import structlog
from django.db import transaction

from audit.record import record
from riskctl.actors import Actor, system_actor
from trading.clock import utc_now
from trading.models import Break, Reconciliation, VenueAccount
from trading.portfolio.text import exact, moment
from trading.reconciliation.accepting import break_accept_execute
from trading.reconciliation.books import ours_at
from trading.reconciliation.breaks import ACTOR, Alarm, breaks_keep
from trading.reconciliation.compare import (
    Found,
    Ours,
    compare,
    opening_of,
    worth,
)
from trading.reconciliation.prices import mids_now, price_of
from trading.reconciliation.readings import earlier_reading, newest_reading, word_of_reading
from trading.reconciliation.word import ReadingError, Word
from trading.universe import UNIVERSE, Universe

__all__ = [
    "SCHEDULE",
    "ReconciliationReport",
    "UnknownAccountError",
    "break_accept_execute",
    "reconcile_run",
]

log = structlog.get_logger(__name__)

SCHEDULE = "schedule"


class UnknownAccountError(LookupError):
    """There is no such venue account; ``known`` are those there are."""

    def __init__(self, account: str, known: list[str]) -> None:
        super().__init__(f"no venue account '{account}'; there are {', '.join(known) or 'none'}")
        self.account = account
        self.known = known


@dataclass(frozen=True, slots=True)
class ReconciliationReport:
    """One account. ``at``: when the venue was asked; ``why``: what kept us from comparing, or "".

    ``breaks`` are those open now; without a comparison those that were open before.
    ``last_agreed``: when the venue was asked for the last comparison without any break.
    """

    id: int
    account: str
    at: dt.datetime
    agrees: bool
    why: str
    compared: Mapping[str, int]
    breaks: tuple[Break, ...]
    last_agreed: dt.datetime | None
    asked_by: str


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What one run found, and what the next one goes on from."""

    at: dt.datetime
    why: str
    counts: Mapping[str, int]
    found: tuple[Found, ...]
    opening: Mapping[str, Decimal] | None
    last_agreed: dt.datetime | None

    @property
    def agrees(self) -> bool:
        return not self.why and not self.found

    def kept(self) -> dict[str, Any]:
        """As ``Reconciliation.compared`` keeps it."""
        opening = self.opening
        return {
            **self.counts,
            "why": self.why,
            "opening": None if opening is None else {k: exact(v) for k, v in opening.items()},
            "last_agreed": moment(self.last_agreed),
        }


def reconcile_run(
    *,
    account: str | None = None,
    asked_by: str,
    actor: Actor | None = None,
    mids: Callable[[], Mapping[str, Decimal]] = mids_now,
    clock: Callable[[], dt.datetime] = utc_now,
    universe: Universe = UNIVERSE,
) -> list[ReconciliationReport]:
    """Compare all venue accounts, or one, with our books; a report each, by account.

    ``asked_by`` is ``SCHEDULE`` or who asked; then the run itself is recorded, as done by
    ``actor``. Raises UnknownAccountError, django.db.Error.
    """
    names = list(VenueAccount.objects.order_by("name").values_list("name", flat=True))
    if account is not None and account not in names:
        raise UnknownAccountError(account, names)
    price = price_of(mids())  # before any transaction: Redis may be slow
    value = functools.partial(worth, price=price, universe=universe)
    reports = [
        _account_run(name, asked_by, value, clock, universe)
        for name in (names if account is None else [account])
    ]
    if asked_by != SCHEDULE:
        _asked_recorded(reports, account, actor or system_actor(asked_by), clock())
    return reports


def _account_run(
    account: str,
    asked_by: str,
    value: Callable[[Found], Decimal | None],
    clock: Callable[[], dt.datetime],
    universe: Universe,
) -> ReconciliationReport:
    with transaction.atomic():
        VenueAccount.objects.select_for_update(no_key=True).get(pk=account)
        now = clock()
        outcome = _compared(account, now, universe)
        alarms: tuple[Alarm, ...] = ()
        if outcome.why:
            # Not seen is not gone: what was open stays open.
            rows = tuple(Break.objects.filter(account=account, ended_at=None))
        else:
            kept = breaks_keep(account=account, found=outcome.found, value=value, now=now)
            rows, alarms = kept.rows, kept.alarms
        run = Reconciliation.objects.create(
            account_id=account,
            at=outcome.at,
            agrees=outcome.agrees,
            compared=outcome.kept(),
            breaks=[one.name for one in outcome.found],
            asked_by=asked_by[:150],
        )
    for alarm in alarms:  # after the commit: what is logged is so
        log.critical("reconciliation.alarm", **alarm.facts())
    return ReconciliationReport(
        id=run.pk, account=account, at=run.at, agrees=run.agrees, why=outcome.why,
        compared=outcome.counts, breaks=rows, last_agreed=outcome.last_agreed, asked_by=asked_by,
    )  # fmt: skip


def _compared(account: str, now: dt.datetime, universe: Universe) -> _Outcome:
    opening, last_agreed = _before(account)
    reading = newest_reading(account)
    counts = {"positions": 0, "orders": 0, "fills": 0, "cash": 0, "fill_sequence": 0}
    if reading is None:
        why = "no reading of the venue yet"
        return _Outcome(now, why, counts, (), opening, last_agreed)
    counts["fill_sequence"] = reading.fill_sequence
    try:
        word, earlier = word_of_reading(reading, now), earlier_reading(account, now)
    except ReadingError as error:
        return _Outcome(reading.taken_at, str(error), counts, (), opening, last_agreed)
    ours = ours_at(
        account=account, sequence=word.fill_sequence, at_venue=word.orders, universe=universe,
        moved_until=word.taken_at,
    )  # fmt: skip
    if opening is None:
        opening = _opening_kept(account, ours, word, now, universe)
    found = tuple(compare(ours, word, opening=opening, earlier=earlier, universe=universe))
    counts |= {
        "positions": len(ours.filled.keys() | ours.held.keys() | word.positions.keys()),
        "orders": len(ours.orders.keys() | word.orders.keys()),
        "fills": ours.fills,
        "cash": len(word.balances) if opening is not None and ours.whole else 0,
    }
    return _Outcome(
        word.taken_at, "", counts, found, opening, last_agreed if found else word.taken_at
    )


def _before(account: str) -> tuple[dict[str, Decimal] | None, dt.datetime | None]:
    """Its opening cash and its last moment without a break, as the last run carried them on."""
    last = Reconciliation.objects.filter(account=account).order_by("-id").first()
    kept = last.compared if last is not None else {}
    opening, agreed = kept.get("opening"), kept.get("last_agreed")
    return (
        None if opening is None else {name: Decimal(text) for name, text in opening.items()},
        None if agreed is None else dt.datetime.fromisoformat(agreed),
    )


def _opening_kept(
    account: str, ours: Ours, word: Word, now: dt.datetime, universe: Universe
) -> dict[str, Decimal] | None:
    """What the account opened with, worked out at the first comparison and from then on fixed.

    Whatever later moves cash without a fill, and is in no log that the venue tells, is a break.
    """
    opening = opening_of(ours, word, universe)
    if opening is not None:
        record(
            action="reconciliation.open-cash",
            actor_kind="process",
            actor=ACTOR,
            object_kind="account",
            object_id=account,
            happened_at=now,
            after={"opening": opening, "fill_sequence": word.fill_sequence},
        )
    return opening


def _asked_recorded(
    reports: list[ReconciliationReport], account: str | None, actor: Actor, now: dt.datetime
) -> None:
    record(
        action="reconciliation.run",
        outcome="done" if not any(one.why for one in reports) else "failed",
        actor_kind=actor.kind,
        actor=actor.name,
        on_behalf_of=actor.on_behalf_of,
        source=actor.source,
        request_id=actor.request_id,
        object_kind="account",
        object_id=account or "all",
        happened_at=now,
        after={
            "accounts": [
                {
                    "account": one.account, "run": one.id, "at": one.at, "agrees": one.agrees,
                    "why": one.why, "breaks": [str(row.pk) for row in one.breaks],
                }
                for one in reports
            ]
        },
    )  # fmt: skip
