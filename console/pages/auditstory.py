"""The story view: what the record holds together, and what else is known to belong to it."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from audit.models import Entry
from audit.story import Story, body_of, followed_read, story_read, strategies_resumed
from console.access.record_links import asked_about
from console.pages import auditwords, formats
from console.pages.auditread import Link, audit_href, holds_named, object_page, told_of


def story_view(
    ident: str,
    families: frozenset[str] | None,
    names: Mapping[str, str],
    query: Mapping[str, str],
    *,
    people: bool,
) -> dict[str, Any]:
    """Raises audit.reading.SearchTooWideError, db.Error."""
    found = story_read(ident, families=families, elsewhere=asked_about)
    back = strategies_resumed(found)
    after = followed_read(back, min(back.values()), families=families) if back else []
    return {
        "told": told_of(found.entries, names, query),
        "followed": told_of(after, names, query),
        "resumed": [_orders_of(key, since) for key, since in sorted(back.items())],
        "whole": found.whole,
        "all_href": audit_href({"correlation": ident}),
        "summary": _summary(found),
        "things": _things(found.entries, people=people),
    }


def _summary(story: Story) -> str:
    """``11 entries, 29 m, 2 people``"""
    entries = story.entries
    if not entries:
        return ""
    took = entries[-1].happened_at - entries[0].happened_at
    people = {one.actor for one in entries if one.actor_kind == "person"}
    said = [_count(len(entries), "entry", "entries")]
    if took > dt.timedelta(0):
        said.append(formats.age(int(took.total_seconds() * 1000)))
    said.append(_count(len(people), "person", "people"))
    return ", ".join(said)


def _count(number: int, one: str, many: str) -> str:
    return f"{number or 'no'} {one if number == 1 else many}"


def _things(entries: Sequence[Entry], *, people: bool) -> list[Link]:
    """Pages of what the story is about."""
    found: dict[str, str] = {}
    holds = holds_named(entries)
    for entry in entries:
        there = object_page(entry.object_kind, entry.object_id, people=people)
        if there and there not in found:
            body = body_of(entry)
            said = auditwords.object_words(entry.object_kind, entry.object_id, body, holds)
            found[there] = said
    return [Link(said, there) for there, said in found.items()]


def _orders_of(key: str, since: dt.datetime) -> Link:
    moment = f"{since:%Y-%m-%dT%H:%M:%S}"
    query = {"on_behalf_of": key, "what": "orders,fills", "from": moment}
    return Link(key, audit_href(query))
