"""A sequencer on the test database, driven by hand, and what it must have come to."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import psycopg
from django.db import connection

from audit.anchors import FileAnchor
from audit.attesting import Attestor
from audit.places import OPEN, Fence, PlaceStore, Row
from audit.record import INSERT_SQL, entry_row
from audit.record_keys import FolderKeys
from audit.sequencer import Sequencer
from audit.sequencing import Sequencing
from audit.verifying import Finding, record_check

NOON = dt.datetime(2026, 11, 21, 12, 0, tzinfo=dt.UTC)


def connect() -> psycopg.Connection[Row]:
    found = connection.settings_dict
    return psycopg.connect(
        dbname=found["NAME"], user=found["USER"], password=found["PASSWORD"] or None,
        host=found["HOST"], port=found["PORT"], autocommit=True,
    )  # fmt: skip


def entry(number: object, action: str = "limit.change") -> tuple[object, ...]:
    return entry_row(
        action=action, actor_kind="person", actor="ada.nwosu", object_kind="limit",
        object_id=str(number), happened_at=NOON, reason="as a test wants it",
    )  # fmt: skip


def write(*numbers: object, to: psycopg.Connection[Row] | None = None) -> None:
    """Entries, in the transaction of ``to`` or each in its own."""
    if to is not None:
        for number in numbers:
            to.execute(INSERT_SQL.encode(), entry(number))
        return
    with connect() as own:
        write(*numbers, to=own)


class Recording:
    """``home`` holds keys and anchor; ``clock`` and ``now`` stand still until they are moved."""

    def __init__(self, home: Path, fence: Fence = OPEN) -> None:
        self.home = home
        self.fence = fence
        self.keys = FolderKeys(home / "keys")
        self.anchor = FileAnchor(home / "anchor.jsonl")
        self.seconds = 0.0
        self.started: list[Sequencing] = []

    def start(self) -> Sequencing:
        """A sequencer, as a new process would be."""
        attestor = Attestor(
            name="haltline.test/audit", keys=self.keys, files=[self.anchor], now=self.now,
            process="sequencer:main test",
        )  # fmt: skip
        made = Sequencing(Sequencer(connect, self.fence), attestor, clock=lambda: self.seconds)
        made.sequencer.on_placed = made.placed
        self.started.append(made)
        return made

    def now(self) -> dt.datetime:
        return NOON + dt.timedelta(seconds=self.seconds)

    def close(self) -> None:
        for one in self.started:
            one.sequencer.forget()

    def check(self, progress: Callable[[int, int], object] = lambda _d, _a: None) -> Finding:
        with connect() as own:
            return record_check(
                PlaceStore(own), trust=self.keys.trust(), anchors=[self.anchor.path],
                progress=progress,
            )  # fmt: skip


def settle(made: Sequencing) -> None:
    """Turns until nothing is waiting."""
    while made.turn():
        pass


def rows(sql: str) -> list[Row]:
    with connect() as own:
        return own.execute(sql.encode()).fetchall()


def execute(*statements: str) -> None:
    """As the owner of the tables, with triggers off."""
    with connect() as own, own.transaction():
        own.execute("SET LOCAL session_replication_role = replica")
        for one in statements:
            own.execute(one.encode())


def placed() -> list[tuple[int, str]]:
    """Index and object id of every place, in order."""
    return [
        (int(index), str(number))
        for index, number in rows(
            "SELECT index, object_id FROM audit_place JOIN audit_entry ON id = entry_id"
            " WHERE action = 'limit.change' ORDER BY index"
        )
    ]
