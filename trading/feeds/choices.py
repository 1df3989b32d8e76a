"""What is remembered of one instrument's sources: what each said, which is in use. Pure."""

from typing import NamedTuple

import msgspec

from trading.clock import NS
from trading.feeds.checks import STALE_NS

SILENT_NS = 5 * NS
MISSED = 20
"""The slower of the two sources of 2014-05-02 is silent for 5 s 3,642 times: it passes over small
moves, of which the other makes ten."""


class Seen(msgspec.Struct):
    """One source of one instrument. ``heard`` 0: not since it was last connected."""

    bid: int = 0
    ask: int = 0
    heard: int = 0
    moved: int = 0
    missed: int = 0
    """Moves of the others since it was heard."""
    well: int = 0
    """Since when it has been well."""
    refused: float = 0.0
    halted: bool = False


class Choice(msgspec.Struct):
    """One instrument. A time of 0 is none."""

    began: int
    seen: list[Seen]
    used: int = 0
    judged: int = 0
    """Quotes of the source in use while it was believed, good or not."""
    since: int = 0
    why: str = ""
    apart: int = 0
    agreed: int = 0
    compared: int = 0
    withheld: int = 0
    values: str = ""
    """What was not believed: each source with its bid and ask."""
    out_time: int = 0
    out_clock: int = 0
    out_sum: int = 0


class Said(NamedTuple):
    """A quote as the arbiter judges it: of which source, and what the checks made of it."""

    source: int
    code: int
    bid: int
    ask: int
    time: int
    clock: int


class Turn(msgspec.Struct, frozen=True):
    """Something that happened: ``kind`` is switch, diverge or agree."""

    kind: str
    symbol: str
    clock: int
    words: str


def silent_ns(choice: Choice, source: int) -> int:
    """How long a source has been silent while the others moved; 0 when that fails nobody."""
    seen = choice.seen[source]
    moved = max(one.moved for number, one in enumerate(choice.seen) if number != source)
    silent = moved - (seen.heard or choice.began)
    missing = silent > SILENT_NS and seen.missed >= MISSED
    return silent if missing or silent > STALE_NS else 0


def hear(choice: Choice, quote: Said) -> None:
    seen = choice.seen[quote.source]
    if not seen.heard or silent_ns(choice, quote.source):
        seen.well = quote.clock
    if (quote.bid, quote.ask) != (seen.bid, seen.ask):
        seen.moved = quote.clock
        for one in choice.seen:
            one.missed += 1
    seen.bid, seen.ask, seen.heard, seen.missed = quote.bid, quote.ask, quote.clock, 0
