"""The venue's own truth, one SQLite file. Everything it ever said can be derived from here.

Journal WAL with synchronous NORMAL: what is committed outlives kill -9 of the process. Money,
prices and quantities are exact decimal text. One writer, one transaction a loop turn: the caller
begins nothing, writes, and commits before it tells anybody.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

from trading.papervenue.money import CASH_SCALE, parse, text
from trading.papervenue.orders import Fill, Order

SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS orders (
    number INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    client_order_id TEXT NOT NULL,
    symbol TEXT NOT NULL,
    side TEXT NOT NULL,
    order_type TEXT NOT NULL,
    time_in_force TEXT NOT NULL,
    quantity TEXT NOT NULL,
    limit_price TEXT,
    not_after_ns INTEGER NOT NULL,
    filled TEXT NOT NULL,
    state TEXT NOT NULL,
    code TEXT NOT NULL,
    reason TEXT NOT NULL,
    taking INTEGER NOT NULL,
    received_ns INTEGER NOT NULL,
    decided_ns INTEGER NOT NULL,
    ended_ns INTEGER,
    reduce_only INTEGER NOT NULL DEFAULT 0,
    stop_price TEXT,
    triggered INTEGER NOT NULL DEFAULT 0,
    post_only INTEGER NOT NULL DEFAULT 0,
    expires_ns INTEGER NOT NULL DEFAULT 0,
    UNIQUE (account, client_order_id)
);
CREATE INDEX IF NOT EXISTS orders_working ON orders (number) WHERE state = 'working';
CREATE TABLE IF NOT EXISTS fills (
    account TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    client_order_id TEXT NOT NULL,
    symbol TEXT NOT NULL,
    side TEXT NOT NULL,
    quantity TEXT NOT NULL,
    price TEXT NOT NULL,
    fee TEXT NOT NULL,
    currency TEXT NOT NULL,
    maker INTEGER NOT NULL,
    cash_flow TEXT NOT NULL,
    venue_time_ns INTEGER NOT NULL,
    feed_time_ns INTEGER NOT NULL,
    PRIMARY KEY (account, sequence)
);
CREATE TABLE IF NOT EXISTS cash (
    id INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    currency TEXT NOT NULL,
    amount TEXT NOT NULL,
    kind TEXT NOT NULL,
    at_ns INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS deadman (account TEXT PRIMARY KEY, at_ns INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS log (
    id INTEGER PRIMARY KEY,
    at_ns INTEGER NOT NULL,
    account TEXT NOT NULL,
    kind TEXT NOT NULL,
    client_order_id TEXT NOT NULL,
    detail TEXT NOT NULL
);
"""

_NEWER_COLUMNS = {
    "reduce_only": "INTEGER NOT NULL DEFAULT 0",
    "stop_price": "TEXT",
    "triggered": "INTEGER NOT NULL DEFAULT 0",
    "post_only": "INTEGER NOT NULL DEFAULT 0",
    "expires_ns": "INTEGER NOT NULL DEFAULT 0",
}
"""Of ``orders``: storages made before them lack them."""

_ORDER = (
    "number, account, client_order_id, symbol, side, order_type, time_in_force, quantity,"
    " limit_price, not_after_ns, filled, state, code, reason, taking,"
    " reduce_only, stop_price, triggered, post_only, expires_ns"
)
_FILL = (
    "account, sequence, client_order_id, symbol, side, quantity, price, fee, currency, maker,"
    " cash_flow, venue_time_ns, feed_time_ns"
)
_Row = tuple[object, ...]


class Storage:
    """``path`` is a file, or ``:memory:``. Raises sqlite3.Error; then nothing more may be said."""

    def __init__(self, path: Path | str) -> None:
        self._db = sqlite3.connect(path, isolation_level=None, timeout=5)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(SCHEMA)
        self._renew()

    def _renew(self) -> None:
        """Bring a storage of an older venue to today's form."""
        known = {row[1] for row in self._db.execute("PRAGMA table_info(orders)")}
        for name, kind in _NEWER_COLUMNS.items():
            if name not in known:
                self._db.execute(f"ALTER TABLE orders ADD COLUMN {name} {kind}")
        # an order that filled while it rested was once left in the state working
        self._db.execute(
            "UPDATE orders SET state = 'filled' WHERE state = 'working' AND filled = quantity"
        )

    def close(self) -> None:
        self.commit()
        self._db.close()

    def commit(self) -> None:
        if self._db.in_transaction:
            self._db.execute("COMMIT")

    def _write(self, sql: str, values: _Row) -> None:
        if not self._db.in_transaction:
            self._db.execute("BEGIN IMMEDIATE")
        self._db.execute(sql, values)

    # -- writing

    def add_order(self, order: Order, *, received_ns: int, decided_ns: int) -> None:
        """Raises sqlite3.IntegrityError when the account used the client order id before."""
        ended = None if order.state == "working" else decided_ns
        self._write(
            f"INSERT INTO orders ({_ORDER}, received_ns, decided_ns, ended_ns)"  # noqa: S608
            f" VALUES ({', '.join('?' * 23)})",
            (
                order.number, order.account, order.client_order_id, order.symbol, order.side,
                order.order_type, order.time_in_force, text(order.quantity),
                None if order.limit is None else text(order.limit), order.not_after_ns,
                text(order.filled), order.state, order.code, order.reason, order.taking,
                order.reduce_only, None if order.stop is None else text(order.stop),
                order.triggered, order.post_only, order.expires_ns, received_ns, decided_ns, ended,
            ),
        )  # fmt: skip

    def save_order(self, order: Order, now_ns: int) -> None:
        """What has become of a known order."""
        self._write(
            "UPDATE orders SET filled = ?, state = ?, reason = ?, taking = ?, triggered = ?,"
            " ended_ns = ? WHERE number = ?",
            (
                text(order.filled), order.state, order.reason, order.taking, order.triggered,
                None if order.state == "working" else now_ns, order.number,
            ),
        )  # fmt: skip

    def modify_order(self, order: Order) -> None:
        """Quantity and limit are others."""
        limit = None if order.limit is None else text(order.limit)
        self._write(
            "UPDATE orders SET quantity = ?, limit_price = ? WHERE number = ?",
            (text(order.quantity), limit, order.number),
        )

    def add_fill(self, fill: Fill) -> None:
        self._write(
            f"INSERT INTO fills ({_FILL}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
            (
                fill.account, fill.sequence, fill.client_order_id, fill.symbol, fill.side,
                text(fill.quantity), text(fill.price), text(fill.fee), fill.currency, fill.maker,
                text(fill.cash_flow, CASH_SCALE), fill.venue_time_ns, fill.feed_time_ns,
            ),
        )  # fmt: skip

    def add_cash(self, account: str, currency: str, amount: str, kind: str, now_ns: int) -> None:
        self._write(
            "INSERT INTO cash (account, currency, amount, kind, at_ns) VALUES (?, ?, ?, ?, ?)",
            (account, currency, amount, kind, now_ns),
        )

    def add_log(
        self, at_ns: int, account: str, kind: str, client_order_id: str = "", detail: str = ""
    ) -> None:
        self._write(
            "INSERT INTO log (at_ns, account, kind, client_order_id, detail)"
            " VALUES (?, ?, ?, ?, ?)",
            (at_ns, account, kind, client_order_id, detail),
        )

    def set_meta(self, key: str, value: str) -> None:
        self._write(
            "INSERT INTO meta (key, value) VALUES (?, ?)"
            " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            (key, value),
        )

    def arm_deadman(self, account: str, at_ns: int) -> None:
        self._write(
            "INSERT INTO deadman (account, at_ns) VALUES (?, ?)"
            " ON CONFLICT (account) DO UPDATE SET at_ns = excluded.at_ns",
            (account, at_ns),
        )

    def disarm_deadman(self, account: str) -> None:
        self._write("DELETE FROM deadman WHERE account = ?", (account,))

    # -- reading (sees what is not yet committed)

    def meta(self, key: str) -> str | None:
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def deadmen(self) -> dict[str, int]:
        """Account -> when its dead man's switch runs out."""
        rows = self._db.execute("SELECT account, at_ns FROM deadman")
        return {str(account): int(at_ns) for account, at_ns in rows}

    def next_number(self) -> int:
        row = self._db.execute("SELECT coalesce(max(number), 0) + 1 FROM orders").fetchone()
        return int(row[0])

    def order(self, account: str, client_order_id: str) -> Order | None:
        row = self._db.execute(
            f"SELECT {_ORDER} FROM orders WHERE account = ? AND client_order_id = ?",  # noqa: S608
            (account, client_order_id),
        ).fetchone()
        return None if row is None else _order(row)

    def working(self) -> list[Order]:
        """All open orders, oldest first."""
        rows = self._db.execute(
            f"SELECT {_ORDER} FROM orders WHERE state = 'working' ORDER BY number"  # noqa: S608
        )
        return [_order(row) for row in rows]

    def fills(self, account: str, after: int, limit: int) -> list[Fill]:
        """At most ``limit`` fills of the account with a greater sequence, oldest first."""
        rows = self._db.execute(
            f"SELECT {_FILL} FROM fills WHERE account = ? AND sequence > ?"  # noqa: S608
            " ORDER BY sequence LIMIT ?",
            (account, after, limit),
        )
        return [_fill(row) for row in rows]

    def all_fills(self) -> Iterator[Fill]:
        """Every fill, by account and sequence."""
        sql = f"SELECT {_FILL} FROM fills ORDER BY account, sequence"  # noqa: S608
        return (_fill(row) for row in self._db.execute(sql))

    def cash(self, account: str) -> list[tuple[str, str]]:
        """Currency and amount of every deposit, oldest first."""
        sql = "SELECT currency, amount FROM cash WHERE account = ? ORDER BY id"
        return [(str(row[0]), str(row[1])) for row in self._db.execute(sql, (account,))]

    def log(self, account: str | None, after: int, limit: int) -> list[dict[str, object]]:
        """Entries of the event log (of one account, or all) after id ``after``, oldest first."""
        names = ("id", "at_ns", "account", "kind", "client_order_id", "detail")
        rows = self._db.execute(
            "SELECT id, at_ns, account, kind, client_order_id, detail FROM log"
            " WHERE id > ? AND (? IS NULL OR account = ?) ORDER BY id LIMIT ?",
            (after, account, account, limit),
        )
        return [dict(zip(names, row, strict=True)) for row in rows]


def _order(row: Sequence[str]) -> Order:
    limit, stop = (None if price is None else parse(price) for price in (row[8], row[16]))
    return Order(
        int(row[0]), row[1], row[2], row[3], row[4], row[5], row[6], parse(row[7]), limit,
        int(row[9]), parse(row[10]), row[11], row[12], row[13], bool(row[14]),
        bool(row[15]), stop, bool(row[17]), bool(row[18]), int(row[19]),
    )  # fmt: skip


def _fill(row: Sequence[str]) -> Fill:
    whole, _, fraction = row[10].partition(".")
    cash_flow = int(whole + fraction.ljust(CASH_SCALE, "0"))
    return Fill(
        row[0], int(row[1]), row[2], row[3], row[4], parse(row[5]), parse(row[6]), parse(row[7]),
        row[8], bool(row[9]), cash_flow, int(row[11]), int(row[12]),
    )  # fmt: skip
