"""Loss, drawdown, PnL moves, exposure and margin, from the books and the latest quotes. Pure.

The same figures as the desk shows (trading.portfolio.marks): marked at the mid, unrealised PnL
included, fees off. A symbol that this feed has never quoted counts at what it cost, as it does at
the gateway: a position of an earlier run neither vanishes nor makes everything else unknown; what
another feed's first prices make of it is kept out (trading.triggers.carried). A scope without a
gross-notional limit has no capital and no reading: nothing of it may trade.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from riskctl.holds import FIRM
from riskctl.rules import GROSS_NOTIONAL
from riskctl.triggers.evaluate import Reading
from riskctl.triggers.specs import DOCUMENT_DRAWDOWN, DOCUMENT_LOSS
from trading.clock import NS
from trading.engines.bounds import Stops
from trading.engines.reading import Bound
from trading.portfolio.books import Books, Counting
from trading.portfolio.market import Market
from trading.portfolio.marks import ZERO, add
from trading.triggers.carried import Carried, SessionFact
from trading.triggers.history import History
from trading.triggers.played import Lately, Played
from trading.triggers.stops import Documents, closed, said, used, window_ns
from trading.triggers.windows import Extreme
from trading.triggers.worth import Worth, worth_by_scope
from trading.universe import Universe

UNREAD = "the books have not been read"
REHEARSED = " rehearsing"
UNNAMED = "the feed's session is not known yet"

Limits = Mapping[tuple[str, str], Decimal]


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
        self._past: dict[str, History] = defaultdict(History)
        self._rehearsing: dict[str, bool] = {}
        self._session = ""
        self._carried = Carried()
        self._played = Played()
        self._lately: dict[str, Lately] = {}

    def recall(
        self, scope: str, peaks: Iterable[tuple[int, Decimal]], window_s: int, document_s: int
    ) -> None:
        """Stored peaks of ``scope``, beside those seen here: (wall ns, PnL).

        Those of a strategy while it rehearses are of its scope and ``REHEARSED``.

        ``document_s``: the look-back of its document, 0 without one.
        """
        past, stored = self._past[scope], list(peaks)
        past.peak.merge(stored, window_s * NS)
        if document_s:
            past.document_peak.merge(stored, document_s * NS)

    def recall_losses(self, lately: Mapping[str, Lately]) -> None:
        """Stored PnL of strategies by scope, beside what was seen here; taken once a feed runs.

        That with what is on rehearsal accounts is of the scope and ``REHEARSED``.
        """
        self._lately = dict(lately)

    def readings(self, look: Look) -> list[Reading]:
        """Of every scope with capital."""
        if look.books.as_of is None:
            return [Reading("gross-exposure", FIRM, None, look.wall_ns, UNREAD)]
        if not self._carried.begin(look.market.session, look.session, look.wall_ns):
            return [Reading("gross-exposure", FIRM, None, look.wall_ns, UNNAMED)]
        if look.market.session != self._session:
            self._session = look.market.session
            left, differs = self._carried.left(), self._carried.differs
            for name, past in self._past.items():
                key = name.removeprefix("strategy:").removesuffix(REHEARSED)
                kept_out = left.get((key, False), ZERO)
                if name.endswith(REHEARSED):
                    kept_out += left.get((key, True), ZERO)
                past.restart(kept_out, differs=differs)
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
            stops = look.documents.of(scope.removeprefix("strategy:"))
            if stops is not None and scope.startswith("strategy:"):
                used_of = self._of_document(scope, stops, worth, capital, look)
                found += closed(scope, stops, used_of, worth.at_ns)
        return found

    def _counts(self, scope: str, worth: Worth) -> None:
        """What was of other accounts is no move: each set of them has its own past."""
        was = self._rehearsing.get(scope, worth.rehearses)
        self._rehearsing[scope] = worth.rehearses
        if was != worth.rehearses:
            self._history(scope).restart(ZERO, differs=False)

    def _named(self, scope: str) -> str:
        return f"{scope}{REHEARSED}" if self._rehearsing.get(scope) else scope

    def _history(self, scope: str) -> History:
        return self._past[self._named(scope)]

    def _of_document(
        self, scope: str, stops: Stops, worth: Worth, capital: Decimal, look: Look
    ) -> Iterator[Reading]:
        """After ``_figures``, which steadies the PnL."""
        key = scope.removeprefix("strategy:")
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
            played_ns = self._played.at(look.market.session, feed_ns)
            self._remember(scope, past, window)
            best = past.before(past.document_loss, pnl, played_ns, window, past.base)
            lost = max(ZERO, best - pnl) / capital
            yield reading(DOCUMENT_LOSS, "stopLoss.threshold", lost, stops.loss)
        if stops.drawdown is not None:
            window = window_ns(stops.drawdown)
            best = past.before(past.document_peak, pnl, look.wall_ns, window)
            peak = capital + max(pnl, best)
            fall = (peak - capital - pnl) / peak if peak > 0 else Decimal(1)
            yield reading(DOCUMENT_DRAWDOWN, "drawdownLimit.maxDrawdown", fall, stops.drawdown)

    def _remember(self, scope: str, past: History, window_ns: int) -> None:
        lately = self._lately.pop(self._named(scope), None)
        if lately is not None:
            key = scope.removeprefix("strategy:")
            last_ns = self._played.of(lately.session, lately.feed_ns)
            base = past.base - self._carried.offset(key)
            if self._rehearsing.get(scope):
                base -= self._carried.offset(key, rehearsal=True)
            points = [(last_ns - ago_ns, pnl + base) for ago_ns, pnl in lately.points]
            past.document_loss.merge(points, window_ns)

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
