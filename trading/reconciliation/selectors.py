"""Reads: open breaks, past runs, whether an account is reconciled, and positions side by side."""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal, localcontext

from django.db.models import QuerySet

from trading.clock import utc_now
from trading.models import Break, Reconciliation, VenueAccount
from trading.portfolio.text import moment as written
from trading.reconciliation.books import ours_at
from trading.reconciliation.readings import newest_reading, word_of_reading
from trading.reconciliation.service import UnknownAccountError
from trading.reconciliation.word import ReadingError
from trading.universe import UNIVERSE, Universe

PROVEN_FOR = dt.timedelta(seconds=60)
"""A run whose reading is older proves nothing of now: the runs have stopped."""

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Reconciled:
    """Whether an account is; ``why`` not, or empty."""

    ok: bool
    why: str


@dataclass(frozen=True, slots=True)
class SymbolPosition:
    """One symbol at the same fill: the venue's total, our stored books, and what our fills say."""

    symbol: str
    venue: Decimal
    ours: Decimal
    fills: Decimal

    @property
    def difference(self) -> Decimal:
        with localcontext(prec=120):
            return self.venue - self.ours

    @property
    def agrees(self) -> bool:
        return self.venue == self.ours == self.fills


@dataclass(frozen=True, slots=True)
class AccountPositions:
    """Every symbol of one account; ``why`` it could not be compared, or empty."""

    account: str
    why: str
    taken_at: dt.datetime | None
    fill_sequence: int
    rows: tuple[SymbolPosition, ...]

    @property
    def agrees(self) -> bool:
        return not self.why and all(row.agrees for row in self.rows)


def breaks_open(
    *, accounts: Collection[str] | None = None, since: dt.datetime | None = None
) -> QuerySet[Break]:
    """Breaks that have not ended, newest first; of ``accounts``, first seen at or after ``since``.

    Accepted ones are among them: ``accepted`` is their approval.
    """
    found = Break.objects.filter(ended_at=None).order_by("-first_seen", "-id")
    if accounts is not None:
        found = found.filter(account__in=accounts)
    if since is not None:
        found = found.filter(first_seen__gte=since)
    return found


def reconciliations(*, account: str = "") -> QuerySet[Reconciliation]:
    """Runs, newest first: by ``at``, then ``id``."""
    found = Reconciliation.objects.order_by("-at", "-id")
    return found.filter(account=account) if account else found


def reconciled_since(
    *,
    moment: dt.datetime,
    accounts: Collection[str] | None = None,
    now: dt.datetime | None = None,
) -> dict[str, Reconciled]:
    """Account to whether it is reconciled: its last run compared a reading that began after
    ``moment``, not long ago, and each break open now is accepted."""
    if accounts is None:
        accounts = VenueAccount.objects.values_list("name", flat=True)
    now = now or utc_now()
    words = {name: _not_reconciled(name, moment, now) for name in sorted(accounts)}
    return {name: Reconciled(not why, why) for name, why in words.items()}


def _not_reconciled(account: str, since: dt.datetime, now: dt.datetime) -> str:
    last = Reconciliation.objects.filter(account=account).order_by("-id").first()
    if last is None:
        return "never reconciled"
    if last.compared.get("why"):
        return str(last.compared["why"])
    if last.at <= since:
        return f"not reconciled since {written(since)}"
    if now - last.at > PROVEN_FOR:
        return f"not reconciled for {(now - last.at).total_seconds():.0f} s"
    rows = breaks_open(accounts=[account]).filter(accepted=None)
    names = [f"{row.what} {row.key}" for row in rows[:4]]
    more = ", …" if len(names) == 4 else ""
    return f"open breaks: {', '.join(names[:3])}{more}" if names else ""


def positions_compared(
    *,
    account: str | None = None,
    now: dt.datetime | None = None,
    universe: Universe = UNIVERSE,
) -> list[AccountPositions]:
    """The venue's newest word against ours, every symbol, by account. Changes nothing.

    Raises UnknownAccountError, django.db.Error.
    """
    names = list(VenueAccount.objects.order_by("name").values_list("name", flat=True))
    if account is not None and account not in names:
        raise UnknownAccountError(account, names)
    return [
        _positions(name, now or utc_now(), universe)
        for name in (names if account is None else [account])
    ]


def _positions(account: str, now: dt.datetime, universe: Universe) -> AccountPositions:
    reading = newest_reading(account)
    if reading is None:
        return AccountPositions(account, "no reading of the venue yet", None, 0, ())
    at, sequence = reading.taken_at, reading.fill_sequence
    try:
        word = word_of_reading(reading, now)
    except ReadingError as error:
        return AccountPositions(account, str(error), at, sequence, ())
    ours = ours_at(account=account, sequence=sequence, at_venue=(), universe=universe)
    symbols = sorted(ours.held.keys() | ours.filled.keys() | word.positions.keys())
    rows = tuple(
        SymbolPosition(
            symbol,
            venue=word.positions.get(symbol, ZERO),
            ours=ours.held.get(symbol, ZERO),
            fills=ours.filled.get(symbol, ZERO),
        )
        for symbol in symbols
    )
    return AccountPositions(account, "", at, sequence, rows)
