"""Loss, drawdown, PnL moves, exposure and margin, from the books and the latest quotes. Pure.

The same figures as the desk shows (trading.portfolio.marks): marked at the mid, unrealised PnL
included, fees off. A symbol that this feed has never quoted counts at what it cost, as it does at
the gateway: a position of an earlier run neither vanishes nor makes everything else unknown; what
another feed's first prices make of it is kept out (trading.triggers.carried). A scope without a
gross-notional limit has no capital and no reading: nothing of it may trade.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from riskctl.holds import FIRM
from riskctl.rules import GROSS_NOTIONAL
from riskctl.triggers.evaluate import Reading
from riskctl.triggers.specs import DOCUMENT_DRAWDOWN, DOCUMENT_LOSS
from trading.clock import NS
from trading.engines.reading import Bound
from trading.portfolio.books import Books, Counting
from trading.portfolio.market import Market
from trading.portfolio.marks import ZERO, add
from trading.triggers.carried import Carried, SessionFact
from trading.triggers.stops import Documents, said, used, window_ns
from trading.triggers.windows import Extreme
from trading.triggers.worth import Worth, worth_by_scope
from trading.universe import Universe

UNREAD = "the books have not been read"
REHEARSED = " rehearsing"
UNNAMED = "the feed's session is not known yet"

Limits = Mapping[tuple[str, str], Decimal]


@dataclass(slots=True)
class _History:
    last: deque[Decimal] = field(default_factory=lambda: deque(maxlen=3))
    facts: int | None = None
    peak: Extreme = field(default_factory=lambda: Extreme(1))
    loss: Extreme = field(default_factory=lambda: Extreme(1))
    high: Extreme = field(default_factory=lambda: Extreme(1))
    low: Extreme = field(default_factory=lambda: Extreme(-1))
    document_loss: Extreme = field(default_factory=lambda: Extreme(1))
    document_peak: Extreme = field(default_factory=lambda: Extreme(1))
    steadied: Decimal | None = None

    def steady(self, pnl: Decimal, facts: int) -> Decimal | None:
        """The middle one of the last three, each of other facts: what one bad quote cannot move."""
        if facts != self.facts:
            self.facts = facts
            self.last.append(pnl)
        self.steadied = sorted(self.last)[1] if len(self.last) == 3 else None
        return self.steadied

    def before(self, extreme: Extreme, pnl: Decimal, at_ns: int, window_ns: int) -> Decimal:
        """The extreme of what was; a PnL that one bad quote made is judged, but not remembered."""
        if self.steadied is None:
            return pnl if extreme.value is None else extreme.value
        return extreme.add(at_ns, self.steadied, window_ns)

    def restart(self) -> None:
        """Another feed session: the minute's moves are of one market only."""
        for one in (self.loss, self.high, self.low, self.document_loss):
            one.clear()


@dataclass(frozen=True, slots=True)
class Look:
    """Everything a reading is made from. ``windows``: seconds of each trigger."""

    books: Books
    market: Market
    limits: Limits
    windows: Mapping[str, int]
    wall_ns: int
    session: SessionFact | None = None
    documents: Documents = field(default_factory=Documents)


class MoneyWatch:
    """What the PnL of every scope has been, and what it comes to now."""

    def __init__(self, universe: Universe) -> None:
        self._universe = universe
        self._past: dict[str, _History] = defaultdict(_History)
        self._rehearsing: dict[str, bool] = {}
        self._session = ""
        self._carried = Carried()

    def seed(
        self, scope: str, peaks: Iterable[tuple[int, Decimal]], window_s: int, document_s: int
    ) -> None:
        """Peaks of ``scope`` of before this process began: (wall ns, PnL), oldest first.

        Those of a strategy while it rehearses are of its scope and ``REHEARSED``.

        ``document_s``: the look-back of its document, 0 without one.
        """
        past = self._past[scope]
        for at_ns, pnl in peaks:
            past.peak.add(at_ns, pnl, window_s * NS)
            if document_s:
                past.document_peak.add(at_ns, pnl, document_s * NS)

    def readings(self, look: Look) -> list[Reading]:
        """Of every scope with capital."""
        if look.books.as_of is None:
            return [Reading("gross-exposure", FIRM, None, look.wall_ns, UNREAD)]
        if not self._carried.begin(look.market.session, look.session, look.wall_ns):
            return [Reading("gross-exposure", FIRM, None, look.wall_ns, UNNAMED)]
        if look.market.session != self._session:
            self._session = look.market.session
            for past in self._past.values():
                past.restart()
        found: list[Reading] = []
        for scope, worth in worth_by_scope(
            look.books, look.market, self._universe, self._carried
        ).items():
            capital = look.limits.get((_limit_scope(scope), GROSS_NOTIONAL))
            if capital is None or capital <= 0:
                continue
            self._counts(scope, worth)
            figures = self._figures(scope, worth, capital, look)
            found += [
                Reading(name, scope, None if worth.unknown else value, worth.at_ns, worth.detail)
                for name, value in figures.items()
            ]
            found += self._of_document(scope, worth, capital, look)
        return found

    def _counts(self, scope: str, worth: Worth) -> None:
        """What was of other accounts is no move: each set of them has its own past."""
        was = self._rehearsing.get(scope, worth.rehearses)
        self._rehearsing[scope] = worth.rehearses
        if was != worth.rehearses:
            self._history(scope).restart()

    def _history(self, scope: str) -> _History:
        return self._past[f"{scope}{REHEARSED}" if self._rehearsing.get(scope) else scope]

    def _of_document(
        self, scope: str, worth: Worth, capital: Decimal, look: Look
    ) -> Iterator[Reading]:
        """After ``_figures``, which steadies the PnL."""
        key = scope.removeprefix("strategy:")
        stops = look.documents.of(key) if key != scope else None
        if stops is None:
            return
        if worth.unknown:
            for name, bound in ((DOCUMENT_LOSS, stops.loss), (DOCUMENT_DRAWDOWN, stops.drawdown)):
                if bound is not None:
                    yield Reading(name, scope, None, worth.at_ns, worth.detail)
            return
        past, pnl, feed_ns = self._history(scope), worth.pnl, look.market.clock_ns

        def reading(name: str, field: str, measured: Decimal, bound: Bound) -> Reading:
            detail = said(key, stops, field, measured, bound)
            return Reading(name, scope, used(measured, bound), worth.at_ns, detail)

        if stops.loss is not None and feed_ns is not None:
            window = window_ns(stops.loss)
            best = past.before(past.document_loss, pnl, feed_ns, window)
            lost = max(ZERO, best - pnl) / capital
            yield reading(DOCUMENT_LOSS, "stopLoss.threshold", lost, stops.loss)
        if stops.drawdown is not None:
            window = window_ns(stops.drawdown)
            best = past.before(past.document_peak, pnl, look.wall_ns, window)
            peak = capital + max(pnl, best)
            fall = (peak - capital - pnl) / peak if peak > 0 else Decimal(1)
            yield reading(DOCUMENT_DRAWDOWN, "drawdownLimit.maxDrawdown", fall, stops.drawdown)

    def _figures(
        self, scope: str, worth: Worth, capital: Decimal, look: Look
    ) -> dict[str, Decimal]:
        percent = Decimal(100) / capital
        gross = worth.gross * percent
        if scope.startswith("venue:"):
            equity = capital + worth.pnl
            used = worth.margin / equity * 100 if equity > 0 else Decimal(1_000)
            return {"account-gross-exposure": gross, "margin": used if worth.margin else ZERO}
        prefix = "" if scope == FIRM else "strategy-"
        found = {
            f"{prefix}intraday-loss": max(ZERO, _base(scope, look.books) - worth.pnl) * percent,
            f"{prefix}gross-exposure": gross,
        }
        if worth.unknown:  # no history of what is not known
            found |= dict.fromkeys((f"{prefix}drawdown", f"{prefix}pnl-move"), ZERO)
        else:
            found |= self._moves(scope, worth, capital, look)
        if scope == FIRM:
            found["net-exposure"] = abs(worth.net) * percent
        else:
            found["position-value"] = worth.largest
        return found

    def _moves(self, scope: str, worth: Worth, capital: Decimal, look: Look) -> dict[str, Decimal]:
        """Against what was."""
        past, prefix, pnl = self._history(scope), "" if scope == FIRM else "strategy-", worth.pnl
        past.steady(pnl, worth.at_ns)
        percent, windows, feed_ns = Decimal(100) / capital, look.windows, look.market.clock_ns

        def before(extreme: Extreme, at_ns: int, name: str) -> Decimal:
            return past.before(extreme, pnl, at_ns, windows[f"{prefix}{name}"] * NS)

        peak = capital + max(pnl, before(past.peak, look.wall_ns, "drawdown"))
        drop = (peak - capital - pnl) / peak * 100 if peak > 0 else Decimal(1_000)
        found = {f"{prefix}drawdown": drop}
        if feed_ns is None:
            return found
        high, low = (before(one, feed_ns, "pnl-move") for one in (past.high, past.low))
        found[f"{prefix}pnl-move"] = max(high - pnl, pnl - low, ZERO) * percent
        if scope != FIRM:
            best = before(past.loss, feed_ns, "stop-loss")
            found["strategy-stop-loss"] = max(ZERO, best - pnl) * percent
        return found


def _limit_scope(scope: str) -> str:
    """As riskctl.models.Limit writes it."""
    kind, colon, key = scope.partition(":")
    return f"account:{key}" if kind == "venue" and colon else scope


def _base(scope: str, books: Books) -> Decimal:
    """The scope's PnL when the day began."""
    if scope == FIRM:
        return add(books.baselines.values()) or ZERO
    return Counting(books).base(scope.partition(":")[2])
