"""Entries of the record as lines of a list and one in full: words, links, what changed."""

import datetime as dt
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from audit.differing import Change, changes
from audit.linking import FOLLOWED
from audit.models import Entry
from audit.proving import Stand, places_stand
from audit.story import body_of
from console.pages import auditwords, formats, words
from riskctl.models import Hold

_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_PAGES = {"hold": "hold", "approval": "approval", "access-review": "access-review-kept"}
"""Kinds of objects with a page each, by its name; ids are UUIDs."""
_LISTS = {
    "limit": "limits", "trigger": "risk", "triggers": "risk", "deadman": "risk",
    "token": "tokens", "session": "sessions", "break-glass": "break-glass",
    "escalation": "access-review", "maintenance": "holds", "lease": "pipeline", "feed": "pipeline",
}  # fmt: skip
"""Kinds of objects that are on the page of their kind."""
_OF_READERS_OF_PEOPLE = frozenset({"access-review", "escalation"})


@dataclass(frozen=True)
class Line:
    """One entry in a list. ``day`` is set where another day begins.

    ``number``: its place in the record, empty before it has one; ``altered``: its bytes are not
    those that were placed.
    """

    id: str
    at: str
    iso: str
    day: str
    glyph: str
    tone: str
    title: str
    thing: str
    said: str
    who: str
    kind: str
    href: str
    outcome: str
    number: str
    altered: bool


@dataclass(frozen=True)
class Link:
    words: str
    href: str


@dataclass(frozen=True)
class Fact:
    """``links`` lead on from it."""

    name: str
    value: str
    links: tuple[Link, ...] = ()
    id: bool = False


@dataclass(frozen=True)
class Detail:
    title: str
    short: str
    facts: tuple[Fact, ...]
    changes: tuple[Change, ...]
    had_before: bool


def lines_of(
    entries: Iterable[Entry], names: Mapping[str, str], query: Mapping[str, str] | None = None
) -> list[Line]:
    """Newest first; what was recorded at one time (in one transaction), as it happened.

    ``query``: the address they stand at; each opens itself beside it. Raises db.Error.
    """
    newest = sorted(entries, key=lambda one: (one.recorded_at, one.happened_at), reverse=True)
    return _lines(newest, names, query or {}, lambda one: one.recorded_at)


def told_of(
    entries: Iterable[Entry], names: Mapping[str, str], query: Mapping[str, str]
) -> list[Line]:
    """As ``lines_of``, by when they happened."""
    return _lines(entries, names, query, lambda one: one.happened_at)


def _lines(
    entries: Iterable[Entry],
    names: Mapping[str, str],
    query: Mapping[str, str],
    when: Callable[[Entry], dt.datetime],
) -> list[Line]:
    shown, found, day = list(entries), [], ""
    things, places = {**names, **holds_named(shown)}, places_stand(shown)
    for entry in shown:
        today = formats.day(when(entry), year=True)
        line = _line(entry, things, query, today if today != day else "", when(entry))
        stand = places.get(entry.id)
        found.append(_placed(line, stand) if stand else line)
        day = today
    return found


def _placed(line: Line, stand: Stand) -> Line:
    """What was altered is said before all else."""
    numbered = replace(line, number=f"{stand.index:,}")
    if not stand.altered:
        return numbered
    return replace(
        numbered, altered=True, glyph="kill", tone="halt",
        said="NOT AS IT WAS PLACED: its bytes, or when it was recorded, were changed",
    )  # fmt: skip


def holds_named(entries: Iterable[Entry]) -> dict[str, str]:
    """What holds are called, by id: of their entries the first alone says where they lie."""
    idents = {one.object_id for one in entries if one.object_kind == "hold"}
    known = Hold.objects.filter(id__in=[one for one in idents if _UUID.fullmatch(one)])
    return {
        str(one.id): f"{words.KIND_WORDS[one.kind].lower()}, {words.scope_words(one.scope)}"
        for one in known
    }


def _line(
    entry: Entry, names: Mapping[str, str], query: Mapping[str, str], day: str, moment: dt.datetime
) -> Line:
    body = body_of(entry)
    glyph, tone = auditwords.glyph_of(entry.action, entry.outcome)
    return Line(
        id=str(entry.id),
        at=formats.precise(moment),
        iso=moment.isoformat(),
        day=day,
        glyph=glyph,
        tone=tone,
        title=auditwords.action_words(entry.action, entry.outcome),
        thing=auditwords.object_words(entry.object_kind, entry.object_id, body, names),
        said=auditwords.said_words(entry.action, body, entry.reason),
        who=words.who_words(entry.actor, names),
        kind=_beside(entry, names),
        href=audit_href({**query, "entry": str(entry.id)}),
        outcome=entry.outcome,
        number="",
        altered=False,
    )


def _beside(entry: Entry, names: Mapping[str, str]) -> str:
    """Whom or what for; else what kind of actor it is, where it is no person."""
    if entry.on_behalf_of and entry.on_behalf_of != entry.actor:
        return f"for {words.who_words(entry.on_behalf_of, names)}"
    return "" if entry.actor_kind == "person" else auditwords.ACTOR_WORDS[entry.actor_kind]


def detail_of(entry: Entry, names: Mapping[str, str], *, people: bool) -> Detail:
    """``people``: whether who looks may see people's pages."""
    body = body_of(entry)
    return Detail(
        title=auditwords.action_words(entry.action, entry.outcome),
        short=str(entry.id)[:8],
        facts=tuple(one for one in _facts(entry, names, people=people) if one.value),
        changes=tuple(changes(body.get("before"), body.get("after"))),
        had_before=body.get("before") is not None,
    )


def _facts(entry: Entry, names: Mapping[str, str], *, people: bool) -> list[Fact]:
    kind = auditwords.ACTOR_WORDS[entry.actor_kind]
    who = words.who_words(entry.actor, names)
    named = f"{who}, {entry.actor}" if who != entry.actor else who
    thing = f"{entry.object_kind}:{entry.object_id}"
    same_time = entry.recorded_at == entry.happened_at
    return [
        Fact("Happened", _moment(entry.happened_at)),
        Fact("Recorded", "at the same time" if same_time else _moment(entry.recorded_at)),
        Fact("Who", f"{named} · {kind}", (Link("all of theirs", _href(actor=entry.actor)),)),
        Fact("On behalf of", entry.on_behalf_of,
             (Link("all of that", _href(on_behalf_of=entry.on_behalf_of)),)),
        Fact("What", entry.action, (Link("all of these", _href(action=entry.action)),)),
        Fact("On", thing, tuple(object_links(entry, people=people))),
        Fact("Why", entry.reason),
        Fact("Outcome", auditwords.OUTCOME_WORDS.get(entry.outcome, entry.outcome)),
        Fact("From", entry.source),
        Fact("Request", entry.request_id,
             (Link("all of it", _href(request=entry.request_id)),), id=True),
        Fact("Correlation", entry.correlation_id,
             (Link("its story", _href(story=entry.correlation_id)),), id=True),
        Fact("Entry", str(entry.id), id=True),
    ]  # fmt: skip


def _moment(at: dt.datetime) -> str:
    return f"{formats.day(at, year=True)} {at:%H:%M:%S}.{at.microsecond:06d} UTC"


def object_links(entry: Entry, *, people: bool) -> list[Link]:
    """To its page, to its history, and to the story it is in."""
    kind, ident = entry.object_kind, entry.object_id
    found = [Link("page", there)] if (there := object_page(kind, ident, people=people)) else []
    if ident:
        found.append(Link("history", _href(object=f"{kind}:{ident}")))
    if not entry.correlation_id and kind in FOLLOWED:
        found.append(Link("its story", _href(story=ident)))
    elif not entry.correlation_id and entry.request_id:
        found.append(Link("its story", _href(story=entry.request_id)))
    return found


def object_page(kind: str, ident: str, *, people: bool) -> str:
    """The address of an object's page; empty where it has none that who looks may see."""
    if kind in _OF_READERS_OF_PEOPLE and not people:
        return ""
    if kind in _PAGES and _UUID.fullmatch(ident):
        return reverse(_PAGES[kind], args=[ident])
    if kind == "strategy" and re.fullmatch(r"[A-Za-z0-9_\-]{1,60}", ident):
        return reverse("strategy", args=[ident])
    if kind == "user" and people and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._\-@+]{0,149}", ident):
        return reverse("person", args=[ident])
    return reverse(_LISTS[kind]) if kind in _LISTS else ""


def _href(**query: str) -> str:
    return audit_href(query)


def audit_href(query: Mapping[str, Any]) -> str:
    """The page at this query."""
    given = {name: value for name, value in query.items() if value}
    return reverse("audit") + (f"?{urlencode(given)}" if given else "")
