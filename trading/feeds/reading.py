"""Entries of the tick stream as their readers want them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from trading.ticks import TRADE, Ticks, Trades, unpack


@dataclass(frozen=True)
class TickEntry:
    """One entry of ``hl:ticks``. ``ticks`` may be empty: a sign of life that moves the clock."""

    id: bytes
    ticks: Ticks
    clock_ns: int
    """Feed time after the entry."""
    published_boot: int
    published_wall: int
    boot_id: str
    session: str
    lock: bool
    """The feed waits for an acknowledgement (trading.feeds.flow)."""
    end: bool
    """The replay ends here."""
    trades: Trades


def read_entry(entry_id: bytes, fields: Mapping[bytes, bytes]) -> TickEntry:
    """Decode one entry. Raises KeyError or ValueError when it is none of ours."""
    return TickEntry(
        id=entry_id,
        ticks=unpack(fields.get(b"d", b"")),
        clock_ns=int(fields[b"clk"]),
        published_boot=int(fields[b"boot"]),
        published_wall=int(fields[b"wall"]),
        boot_id=fields[b"bid"].decode(),
        session=fields[b"s"].decode(),
        lock=fields.get(b"lock") == b"1",
        end=fields.get(b"end") == b"1",
        trades=np.frombuffer(fields.get(b"t", b""), dtype=TRADE),
    )


def read_entries(reply: Any) -> list[TickEntry]:
    """Entries of one stream out of an XREAD reply (None or empty when nothing came)."""
    return [read_entry(entry_id, fields) for _, found in reply or () for entry_id, fields in found]


def feed_now(entry: TickEntry, wall_ns: int, speed: float | None) -> int:
    """The feed's clock now, ns, known from its last entry.

    It runs on at ``speed`` (1 for the simulator) while the feed is silent, so that prices age when
    a feed dies. At ``max`` (None), and after the end of a replay, it stands until the next entry.
    """
    if speed is None or entry.end:
        return entry.clock_ns
    return entry.clock_ns + int(max(0, wall_ns - entry.published_wall) * speed)
