"""What FEED and REPLAY_SPEED say, checked cheaply before anything starts.

``|`` separates sources of the same symbols, in order of preference: what is behind it is a backup.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from django.conf import settings

from trading.feeds.files import DAMAGED, is_header, open_file
from trading.feeds.lines import HEADER, MalformedLineError, parse_line
from trading.feeds.live.spec import FORM, LiveSpec, LiveSpecError, parse_live
from trading.feeds.recordings import recordings
from trading.sessions import Sessions
from trading.universe import UNIVERSE
from trading.venues.addresses import is_here

MAX = "max"
BACKUP = "|"
LINES_TRIED = 100
_LONGEST = 4096
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


class FeedSpecError(ValueError):
    """FEED or REPLAY_SPEED cannot be followed; the message is one line with what to do."""


class FeedKind(StrEnum):
    SIMULATED = "simulated"
    REPLAY = "replay"
    LIVE = "ccxt"


@dataclass(frozen=True)
class FeedSpec:
    """A feed that can be started. ``speed`` is None for ``max``: as fast as readers follow.

    ``sources`` names its sources in order of preference, ``of`` says which each path is of; both
    are empty where there is one. ``recorded`` says of each source of a replay whether it is nothing
    but days that this desk recorded.
    """

    kind: FeedKind
    text: str
    paths: tuple[Path, ...] = ()
    speed: float | None = 1.0
    sources: tuple[str, ...] = ()
    of: tuple[int, ...] = ()
    live: tuple[LiveSpec, ...] = ()
    recorded: tuple[bool, ...] = ()

    @property
    def names(self) -> list[str]:
        """Of what ``tick.source`` numbers: files, live sources, or the simulator."""
        files = [path.name for path in self.paths]
        return files or [one.name for one in self.live] or [str(self.kind)]

    @property
    def speed_text(self) -> str:
        return MAX if self.speed is None else f"{self.speed:g}"


def is_simulated(spec: str) -> bool:
    """Whether FEED names the simulator, whose market is always open."""
    return spec.strip() == FeedKind.SIMULATED


def sessions_for(spec: str, *, live_account: bool = False) -> Sessions:
    """Hours that orders keep under FEED. No account at a real venue trades at the simulator's."""
    return Sessions(simulated=is_simulated(spec) and not live_account, live=is_real(spec))


def is_real(spec: str) -> bool:
    """Whether it is of a market as it is now."""
    return not is_simulated(spec) and not spec.strip().startswith(f"{FeedKind.REPLAY}:")


def unpriced(spec: str, *, live_account: bool, address: str) -> str:
    """Why no price of FEED is one of the market that an account trades in; empty where it may be.

    A simulator or a recording says nothing of a real market now, nor does a source at an address
    that is neither its exchange's own nor the account's: it may stand in for one. Who listens on
    this host is no exchange.
    """
    if not live_account or is_here(address):
        return ""
    if is_real(spec) and all(_at(one) in ("", address) for one in spec.split(BACKUP)):
        return ""
    return "the feed is not of a real market, the account is: give FEED one that is"


def _at(source: str) -> str:
    """``HOST:PORT`` of ``ccxt:EXCHANGE[@HOST:PORT]:SYMBOLS``; empty: the exchange's own."""
    return source.strip().rpartition(":")[0].partition("@")[2]


def parse_feed(spec: str, speed: str) -> FeedSpec:
    """FEED and REPLAY_SPEED as a FeedSpec; looks at the first lines of each file.

    The simulator runs on the wall clock whatever the speed. Raises FeedSpecError.
    """
    text = spec.strip()
    factor = _speed(speed)
    if is_simulated(text):
        return FeedSpec(FeedKind.SIMULATED, text)
    parts = [one.strip() for one in text.split(BACKUP)]
    if text.startswith(f"{FeedKind.LIVE}:"):
        return _live(text, parts)
    sources = [_paths(one) for one in parts]
    paths = tuple(path for source in sources for path in source)
    recorded = tuple(all(map(_DAY.fullmatch, _names(one))) for one in parts)
    for path in paths:
        _check_file(path)
    if len({path.resolve() for path in paths}) < len(paths):
        raise FeedSpecError("FEED: the same file is given twice; name each file once")
    if len(sources) == 1:
        return FeedSpec(FeedKind.REPLAY, text, paths, factor, recorded=recorded)
    of = tuple(number for number, source in enumerate(sources) for _ in source)
    names = tuple("+".join(path.name.split(".")[0] for path in source) for source in sources)
    return FeedSpec(FeedKind.REPLAY, text, paths, factor, names, of, recorded=recorded)


def _live(text: str, parts: Sequence[str]) -> FeedSpec:
    """A recording is no backup of a market, nor is a simulated one."""
    wrong = [one for one in parts if not one.startswith(f"{FeedKind.LIVE}:")]
    if wrong:
        raise FeedSpecError(f"FEED: {wrong[0]!r} is no backup of a live feed; say {FORM}")
    try:
        live = tuple(parse_live(one) for one in parts)
    except LiveSpecError as error:
        raise FeedSpecError(f"FEED: {error}") from None
    names = tuple(one.name for one in live)
    if len(set(names)) < len(names):
        raise FeedSpecError("FEED: the same source is given twice; name each once")
    if len(live) == 1:
        return FeedSpec(FeedKind.LIVE, text, live=live)
    return FeedSpec(FeedKind.LIVE, text, sources=names, of=tuple(range(len(live))), live=live)


def _paths(text: str) -> list[Path]:
    """The files of one source."""
    kind = text.partition(":")[0]
    if kind != FeedKind.REPLAY:
        raise FeedSpecError(
            f"FEED: {text!r} is no feed; say 'simulated', 'replay:FILE[,FILE…]' or '{FORM}', and"
            f" backups as 'replay:FILE{BACKUP}replay:FILE'"
        )
    names = _names(text)
    if not all(names):
        raise FeedSpecError("FEED: a file name is missing; say 'replay:FILE[,FILE…]'")
    return [path for name in names for path in _files(name)]


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.partition(":")[2].split(",")]


def _files(name: str) -> Sequence[Path]:
    """A file, or what this desk recorded on a day."""
    if not _DAY.fullmatch(name):
        return [Path(name)]
    found = {one.day.isoformat(): one for one in recordings(settings.RECORDED)}
    if name not in found or not found[name].closed:
        known = ", ".join(day for day, one in found.items() if one.closed) or "none yet"
        raise FeedSpecError(f"FEED: {name} is no recorded day; closed are: {known}")
    return found[name].quotes


def records(feed: str, days: int) -> bool:
    """Whether what comes of FEED is recorded: a replay is recorded already."""
    return days > 0 and not feed.strip().startswith(f"{FeedKind.REPLAY}:")


def _speed(text: str) -> float | None:
    if text.strip() == MAX:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise FeedSpecError(
            f"REPLAY_SPEED: {text!r} is no speed; give a positive number (1 is real time) or 'max'"
        )
    return value


def _check_file(path: Path) -> None:
    """Refuse what is no quotes file: a wrong header, no line at all, or no line that is a quote."""
    try:
        with open_file(path) as lines:
            first = [lines.readline(_LONGEST).rstrip(b"\n") for _ in range(LINES_TRIED + 1)]
    except FileNotFoundError:
        raise FeedSpecError(f"FEED: {path} does not exist; check the path") from None
    except DAMAGED as error:
        raise FeedSpecError(f"FEED: {path} cannot be read: {error}; give another file") from None
    if not is_header(first[0]):
        raise FeedSpecError(
            f"FEED: {path} is no quotes file: line 1 is {_shown(first[0])}, "
            f"expected the header '{HEADER}'"
        )
    _check_quotes(path, [(at, line) for at, line in enumerate(first[1:], start=2) if line])


def _check_quotes(path: Path, lines: list[tuple[int, bytes]]) -> None:
    """One good line is enough: single malformed ones are counted when they are read."""
    if not lines:
        raise FeedSpecError(f"FEED: {path} holds no quote; give a file with lines after the header")
    faults = []
    for at, line in lines:
        try:
            parse_line(line)
        except MalformedLineError as fault:
            faults.append((at, str(fault)))
        else:
            return
    at, fault_text = faults[0]
    hint = ""
    if "is not known" in fault_text:
        known = ", ".join(one.symbol for one in UNIVERSE.instruments)
        hint = f"; known symbols: {known}"
    raise FeedSpecError(f"FEED: {path} line {at}: {fault_text}{hint}")


def _shown(line: bytes) -> str:
    return repr(line[:60].decode("utf-8", "backslashreplace")) if line else "empty"
