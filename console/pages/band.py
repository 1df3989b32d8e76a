"""The frame of every page: who is signed in, the firm's state, the clocks, the halt line."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from django.contrib.auth.models import User

from console.access.roles import ROLES
from console.pages import formats, words
from console.pages.frames import (
    DEAD_MS,
    DeadManLine,
    DeskFrame,
    FeedHead,
    GlassLine,
    StrategyLine,
    age_of,
)

ACTIVE, UNKNOWN = "ACTIVE", "UNKNOWN"
STOPPED = ("HALTED", "FROZEN")
WITHOUT_ORDERS = frozenset({"stopped", "monitor", "paper"})
"""Rungs on which a strategy sends nothing to its own account: dotted in the halt line."""

ROLE_WORDS = {
    "trader": "trader",
    "risk": "risk manager",
    "sre": "SRE",
    "compliance": "compliance officer",
    "administrator": "administrator",
}


@dataclass(frozen=True)
class Signed:
    """The person at the page, in words; ``factor`` is how old the second factor is."""

    name: str
    roles: str
    factor: str = ""


@dataclass(frozen=True)
class Segment:
    """One strategy in the halt line; ``quiet``: on a rung without orders."""

    key: str
    state: str
    own: bool = False
    quiet: bool = False


@dataclass(frozen=True)
class Band:
    """Texts of the state band as of the snapshot; ``state`` is UNKNOWN once that is too old."""

    state: str
    sub: str
    as_of: str
    as_of_iso: str
    clock: str
    date: str
    feed_clock: str
    feed_sub: str
    feed_spec: str
    data_age: str
    data_sub: str
    segments: list[Segment]
    line_label: str
    seq: str
    waiting: str
    dead_man: "DeadManWords"
    glass: str


@dataclass(frozen=True)
class DeadManWords:
    """The switch in words; ``head`` and ``text`` are those of its banner, empty while it is not
    needed."""

    figure: str = formats.UNKNOWN
    unit: str = ""
    sub: str = "not read"
    head: str = ""
    text: str = ""


def person_words(user: User, factor_age_s: float | None = None) -> Signed:
    """Name and roles (Django groups) of a signed-in user."""
    roles = sorted(user.groups.filter(name__in=ROLES).values_list("name", flat=True))
    said = ", ".join(ROLE_WORDS.get(role, role) for role in roles)
    return Signed(user.get_full_name() or user.get_username(), said, factor_words(factor_age_s))


def factor_words(age_s: float | None) -> str:
    if age_s is None or age_s == float("inf"):
        return ""
    return f"second factor {formats.age(int(age_s * 1000), whole=True)} old"


def band_of(
    frame: DeskFrame | None,
    strategies: list[StrategyLine],
    now: dt.datetime,
    names: Mapping[str, str] | None = None,
    *,
    waiting: int | None = None,
) -> Band:
    """``strategies`` are the lines the page shows, UNKNOWN each when there is no fresh frame.

    ``waiting``: requests that whoever looks may decide.
    """
    known = frame is not None and age_of(frame.as_of, now) <= DEAD_MS
    states = [one.state if known else UNKNOWN for one in strategies]
    state = frame.firm.state if frame and known else UNKNOWN
    feed = frame.feed if frame else None
    data_age, data_sub = _data(strategies)
    return Band(
        state=state,
        sub=_sub([one.state for one in strategies], frame, known=known),
        as_of=formats.clock(frame.as_of) if frame else formats.UNKNOWN,
        as_of_iso=frame.as_of.isoformat() if frame else "",
        clock=formats.clock(now),
        date=formats.day(now),
        feed_clock=formats.clock(feed.clock if feed else None),
        feed_sub=feed_words(feed, now) if feed else "not heard of",
        feed_spec=feed.spec if feed and feed.spec else formats.UNKNOWN,
        data_age=data_age,
        data_sub=data_sub,
        segments=[_segment(one, state) for one, state in zip(strategies, states, strict=True)],
        line_label=words.counts_words(states),
        seq=f"{frame.seq:,}" if frame else formats.UNKNOWN,
        waiting=formats.UNKNOWN if waiting is None else f"{waiting:,}",
        dead_man=dead_man_words(frame.dead_man if frame else None, now, names or {}),
        glass=glass_words(frame.glass if frame else [], names or {}),
    )


def _segment(one: StrategyLine, state: str) -> Segment:
    quiet = one.stage is not None and one.stage.rung in WITHOUT_ORDERS
    return Segment(one.key, state, one.own, quiet)


def dead_man_words(
    one: DeadManLine | None, now: dt.datetime, names: Mapping[str, str]
) -> DeadManWords:
    """``1:24:10 left``; from 30 minutes before its end also what its banner says."""
    if one is None:
        return DeadManWords()
    by = words.who_words(one.confirmed_by, names)
    last = f"{by}, {formats.clock(one.confirmed_at)}" if one.confirmed_at else "nobody yet"
    if one.state == "off":
        return DeadManWords("off", "", f"last {last}")
    if one.expires_at is None:
        return DeadManWords(
            sub="nobody has confirmed",
            head="Dead man’s switch is not armed.",
            text="Nobody has confirmed yet that somebody watches this desk.",
        )
    left_s = max(0, int((one.expires_at - now).total_seconds()))
    if not left_s:
        head = "Dead man’s switch has run out."
        text = f"The firm is held. Last confirmed by {last}. Confirming lifts nothing."
        return DeadManWords("0:00:00", "left", f"last {last}", head, text)
    figure = countdown(left_s)
    head, text = "", ""
    if one.warns_at is not None and now >= one.warns_at:
        head = f"Dead man’s switch: {figure} left."
        text = f"Then the firm is held. Last confirmed by {last}."
    return DeadManWords(figure, "left", f"last {last}", head, text)


def glass_words(broken: list[GlassLine], names: Mapping[str, str]) -> str:
    """What one person did alone and another must review; empty when there is nothing."""
    return " ".join(
        f"{words.who_words(one.by, names)} lifted the kill on {one.scope.partition(':')[2]} alone"
        f" at {formats.clock(one.used_at)}: it returns at {formats.clock(one.until)} unless"
        " another person keeps it lifted."
        for one in broken
    )


def countdown(seconds: int) -> str:
    """1:24:10"""
    return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def feed_words(feed: FeedHead, now: dt.datetime) -> str:
    """``Fri 2 May 2014 · running × 60``: the day of the feed's clock, and how it goes."""
    pace = pace_words(feed)
    if feed.clock is None:
        return pace
    return f"{formats.day(feed.clock, year=feed.clock.year != now.year)} · {pace}"


def pace_words(feed: FeedHead) -> str:
    """``running × 60``, ``ended``."""
    pace = {"": "", "1": "", "max": " at full speed"}.get(feed.speed, f" × {feed.speed}")
    return feed.state + (pace if feed.state == "running" else "")


def holds_words(count: int) -> str:
    return "1 hold" if count == 1 else f"{count} holds"


def _sub(states: list[str], frame: DeskFrame | None, *, known: bool) -> str:
    if frame is None:
        return "no live frame yet"
    firm = frame.firm
    if not known:
        held = f", {holds_words(firm.holds)}," if firm.holds else ""
        return f"was {firm.state}{held} at {formats.clock(frame.as_of)}"
    if firm.hold is not None and firm.state in (*STOPPED, "REDUCE-ONLY"):
        return _held(frame)
    if firm.why:
        return firm.why
    if not states:  # an administrator, or a trader of no desk
        return "no strategy that you may see"
    if firm.holds:
        return f"{holds_words(firm.holds)} open on {_held_count(frame)} of {len(states)} strategies"
    active = states.count(ACTIVE)
    if active == len(states):
        return f"{active} of {len(states)} strategies active"
    return f"{active} of {len(states)} strategies active, {len(states) - active} unknown"


def _held(frame: DeskFrame) -> str:
    """``Effective 16:02:10 · kill · 5 holds``"""
    hold = frame.firm.hold
    assert hold is not None
    at = hold.effective_at
    proof = f"Effective {formats.clock(at)}" if at else "Latched, not proven"
    return f"{proof} · {hold.kind} · {holds_words(frame.firm.holds)}"


def _held_count(frame: DeskFrame) -> int:
    return sum(bool(one.holds) for one in frame.strategies)


def _data(strategies: list[StrategyLine]) -> tuple[str, str]:
    """The oldest price that a strategy rests on, and how many are not fresh."""
    ages = [one.data_age_ms for one in strategies]
    known = [age for age in ages if age is not None]
    worse = sum(one.data != "fresh" for one in strategies)
    oldest = formats.UNKNOWN if len(known) < len(ages) or not ages else formats.age(max(known))
    return oldest, "oldest price" if not worse else f"{worse} not fresh"
