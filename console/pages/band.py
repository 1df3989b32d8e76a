"""The frame of every page: who is signed in, the firm's state, the clocks, the halt line."""

import datetime as dt
from dataclasses import dataclass

from django.contrib.auth.models import User

from console.pages import formats
from console.pages.frames import DEAD_MS, DeskFrame, FeedHead, StrategyLine, age_of

ACTIVE, UNKNOWN = "ACTIVE", "UNKNOWN"
ROLE_WORDS = {
    "trader": "trader",
    "risk": "risk manager",
    "sre": "SRE",
    "compliance": "compliance officer",
    "administrator": "administrator",
}


@dataclass(frozen=True)
class Signed:
    """The person at the page, in words."""

    name: str
    roles: str


@dataclass(frozen=True)
class Segment:
    key: str
    state: str


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


def person_words(user: User) -> Signed:
    """Name and roles (Django groups) of a signed-in user."""
    roles = sorted(user.groups.values_list("name", flat=True))
    words = ", ".join(ROLE_WORDS.get(role, role) for role in roles)
    return Signed(user.get_full_name() or user.get_username(), words)


def band_of(frame: DeskFrame | None, strategies: list[StrategyLine], now: dt.datetime) -> Band:
    """``strategies`` are the lines the page shows, UNKNOWN each when there is no fresh frame."""
    states = [one.state for one in strategies]
    known = frame is not None and age_of(frame.as_of, now) <= DEAD_MS
    state = frame.firm.state if frame and known else UNKNOWN
    feed = frame.feed if frame else None
    data_age, data_sub = _data(strategies)
    return Band(
        state=state,
        sub=_sub(states, frame, known=known),
        as_of=formats.clock(frame.as_of) if frame else formats.UNKNOWN,
        as_of_iso=frame.as_of.isoformat() if frame else "",
        clock=formats.clock(now),
        date=formats.day(now),
        feed_clock=formats.clock(feed.clock if feed else None),
        feed_sub=feed_words(feed, now) if feed else "not heard of",
        feed_spec=feed.spec if feed and feed.spec else formats.UNKNOWN,
        data_age=data_age,
        data_sub=data_sub,
        segments=[Segment(one.key, one.state if known else UNKNOWN) for one in strategies],
        line_label=line_words(states if known else [UNKNOWN] * len(states)),
        seq=f"{frame.seq:,}" if frame else formats.UNKNOWN,
    )


def line_words(states: list[str]) -> str:
    """What the halt line shows, for who cannot see it."""
    active = states.count(ACTIVE)
    unknown = len(states) - active
    parts = [f"{active} active"] * bool(active) + [f"{unknown} unknown"] * bool(unknown)
    return f"{len(states)} strategies: {', '.join(parts) or 'none'}"


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


def _sub(states: list[str], frame: DeskFrame | None, *, known: bool) -> str:
    if frame is None:
        return "no live frame yet"
    if not known:
        return f"was {frame.firm.state} at {formats.clock(frame.as_of)}"
    if frame.firm.why:
        return frame.firm.why
    active = states.count(ACTIVE)
    if active == len(states):
        return f"{active} of {len(states)} strategies active"
    return f"{active} of {len(states)} strategies active, {len(states) - active} unknown"


def _data(strategies: list[StrategyLine]) -> tuple[str, str]:
    """The oldest price that a strategy rests on, and how many are not fresh."""
    ages = [one.data_age_ms for one in strategies]
    known = [age for age in ages if age is not None]
    worse = sum(one.data != "fresh" for one in strategies)
    oldest = formats.UNKNOWN if len(known) < len(ages) or not ages else formats.age(max(known))
    return oldest, "oldest price in use" if not worse else f"{worse} not fresh"
