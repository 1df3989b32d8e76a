"""Triggers in the path: evaluated at every step of the portfolio's loop, from what it has already.

The loop never waits: holds are placed and records written by other threads.
"""

import threading
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import structlog
from msgspec import DecodeError

from riskctl.holds import FIRM
from riskctl.placing import hold_place
from riskctl.triggers.evaluate import Moment, Reading
from riskctl.triggers.firing import Place
from riskctl.triggers.keeper import BrakesKeeper
from trading.clock import NS, boot_ns
from trading.messages import gateway_decoder
from trading.portfolio.frames import View
from trading.portfolio.market import Entry
from trading.portfolio.text import ns_of
from trading.triggers.carried import SessionFact
from trading.triggers.desk import DeskTriggers, Sight
from trading.triggers.documents import documents_read
from trading.triggers.publishing import published
from trading.triggers.stages import Heard, Signs, queue_reading, stage_heard
from trading.triggers.stops import Documents
from trading.triggers.stored import (
    Activity,
    Past,
    activity_read,
    lately_read,
    peaks_read,
    session_read,
)
from trading.triggers.tally import OrderTally
from trading.universe import Universe

log = structlog.get_logger(__name__)

SOURCE = "path"
PUBLISH_NS = NS // 2
ACTIVITY_NS = 5 * NS


class StoredReader:
    """What is read beside books and brakes, in the keeper's thread: activity often, what was before
    when another look-back is in force."""

    def __init__(self) -> None:
        self.past: Past | None = None
        self.activity = Activity()
        self.session: SessionFact | None = None
        self.documents = Documents()
        self.windows: Callable[[], dict[str, int]] | None = None
        self._asked: tuple[Any, ...] = ()
        self._read_at = 0
        self._lock = threading.Lock()

    def read(self) -> None:
        """Raises db.Error."""
        windows = self.windows() if self.windows else {}
        with self._lock:
            self.session = session_read(self.session)
            self.documents = documents_read(self.documents)
            self._read_past(windows)
            if boot_ns() - self._read_at >= ACTIVITY_NS:
                self._read_at = boot_ns()
                self.activity = activity_read(windows, self._read_at)

    def _read_past(self, windows: dict[str, int]) -> None:
        look_back = (
            windows.get("drawdown", 0), windows.get("strategy-drawdown", 0),
            self.documents.look_back_s,
        )  # fmt: skip
        asked = (*look_back, self.documents.look_backs)
        if self.past is None or asked != self._asked:
            losses = {
                key: loss_s for key, (loss_s, _) in self.documents.look_backs.items() if loss_s
            }
            self.past = Past(peaks_read(max(look_back)), lately_read(losses))
            self._asked = asked


class PathTriggers:
    """The evaluation of the portfolio's loop. All but ``start`` and ``stop`` in its thread."""

    def __init__(self, universe: Universe, place: Place = hold_place) -> None:
        self._stored = StoredReader()
        self._keeper = BrakesKeeper(also=self._stored.read)
        now = boot_ns()
        self._started = now
        self.desk = DeskTriggers(SOURCE, universe, self._keeper, place, Moment(now, 0))
        self._stored.windows = self.desk.windows
        self._tally = OrderTally()
        self._signs = Signs()
        self._connected: dict[str, int] = {}
        self._published_at = 0
        self._malformed = 0

    def start(self) -> None:
        self._keeper.start()

    def stop(self, timeout_s: float) -> None:
        self._keeper.stop(timeout_s)

    def on_ticks(self, entries: Sequence[Entry]) -> None:
        self.desk.on_entries(entries)

    def on_orders(self, entries: Sequence[Entry]) -> None:
        """Entries of ``hl:orders``. One that cannot be read says nothing, and is logged once."""
        now = boot_ns()
        for ident, fields in entries:
            try:
                self._tally.take(gateway_decoder.decode(fields[b"m"]), now)
            except (KeyError, DecodeError) as error:
                self._malformed += 1
                if self._malformed == 1:
                    log.error("triggers.message_unreadable", id=ident.decode(), error=str(error))

    def look(self, view: View, stages_read_ns: int) -> None:
        """Evaluate. ``stages_read_ns``: boot time at which the view's stages were read, or 0."""
        now = Moment(boot_ns(), view.now_ns)
        ago = now.boot_ns - (stages_read_ns or self._started)
        self.desk.look(self._sight(view, ago, now), now)

    def due(self, view: View) -> bytes | None:
        """What to publish, twice a second; None in between."""
        now = Moment(boot_ns(), view.now_ns)
        if now.boot_ns - self._published_at < PUBLISH_NS:
            return None
        self._published_at = now.boot_ns
        in_force, queued = self.desk.evaluator.in_force, self._keeper.queued
        return published(SOURCE, self.desk.standings(now), in_force, now, queued=queued)

    def _sight(self, view: View, read_ago_ns: int, now: Moment) -> Sight:
        books = view.books
        accounts = [one.name for one in books.accounts]
        others = [queue_reading(view.stages, {}, now.boot_ns)]
        others += self._tally.readings(accounts, self.desk.order_windows(), now.boot_ns)
        if books.as_of is not None:
            ms = round(Decimal(books.read_ms), 3)
            others.append(Reading("database-slow", FIRM, ms, ns_of(books.as_of)))
        return Sight(
            books=books,
            market=view.market,
            phase=view.phase,
            feed_state=view.feed_state,
            past=self._stored.past,
            activity=self._stored.activity,
            session=self._stored.session,
            documents=self._stored.documents,
            components=self._components(view, read_ago_ns, now),
            gateways={one: self._gateway(one, view, read_ago_ns, now) for one in accounts},
            others=others,
        )

    def _components(self, view: View, read_ago_ns: int, now: Moment) -> list[Heard]:
        names = [("feed", "main"), ("data-ingestor", "main"), ("watchdog", "main")]
        shards = sorted({one.shard for one in view.books.strategies})
        names += [("signal-generator", f"shard:{number}") for number in shards]
        names.append(("watchdog", "triggers"))
        age_ms = view.books_age_ms
        heard = [
            Heard("database", None if age_ms is None else age_ms * 1_000_000),
            *(stage_heard(view.stages, *name, read_ago_ns) for name in names),
        ]
        return [self._signs.latest(one, now.boot_ns) for one in heard]

    def _gateway(self, account: str, view: View, read_ago_ns: int, now: Moment) -> Heard:
        """The gateway's last sign of life while it was connected to its venue."""
        said = stage_heard(view.stages, "broker", account, read_ago_ns)
        gateway = view.gateways()[account]
        if gateway.connected and said.ago_ns is not None:
            heard = now.boot_ns - said.ago_ns
            self._connected[account] = max(heard, self._connected.get(account, heard))
        at = self._connected.get(account)
        name = f"gateway {account}"
        if said.ago_ns is not None and not gateway.connected:
            name += " is not connected to its venue"
        return Heard(name, None if at is None else now.boot_ns - at)
