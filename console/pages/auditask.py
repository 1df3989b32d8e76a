"""What the address of the audit page asks for: the same fields as REST, empty ones left out."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.http import QueryDict

from console.api.audit_query import FILTERS, STORY, place_of
from console.api.problems import QueryInvalidError
from console.api.queries import CURSOR, Field, read

ENTRY = "entry"
_MORE = (Field(ENTRY, str, "an entry's id", "The entry shown beside the list."), STORY)
_NAMES = tuple(one.name for one in (*FILTERS, *_MORE, CURSOR))


@dataclass(frozen=True)
class Asked:
    """``said``: as it stands in the address; ``given``: parsed, unless ``error`` says what is not.

    A form sends every field it has: what is empty was not asked for.
    """

    said: Mapping[str, str]
    given: Mapping[str, Any] = field(default_factory=dict)
    error: QueryInvalidError | None = None

    @property
    def filters(self) -> dict[str, str]:
        """What narrows the list."""
        return {one.name: self.said[one.name] for one in FILTERS if one.name in self.said}

    @property
    def groups(self) -> list[str]:
        return self.said.get("what", "").split(",")

    @property
    def story(self) -> str:
        return self.said.get(STORY.name, "")

    @property
    def entry(self) -> str:
        return self.said.get(ENTRY, "")

    @property
    def live(self) -> bool:
        """Whether it is the newest of all, which go on appearing."""
        return not (self.filters or self.story or "cursor" in self.said or self.error)

    def kept(self) -> str:
        """The query that a saved view is: without a place in the list and an entry beside it."""
        return urlencode({**self.filters, **({STORY.name: self.story} if self.story else {})})


def asked(query: QueryDict) -> Asked:
    """Never raises: a page shows what it cannot read, and says what may stand there."""
    said: dict[str, str] = {}
    for name, values in query.lists():
        filled = [one for one in values if one.strip()]
        if filled:
            said[name] = ",".join(filled) if name == "what" else filled[-1].strip()
    as_one = QueryDict(mutable=True)
    as_one.update(said)
    try:
        given = read(as_one, (*FILTERS, *_MORE, CURSOR))
        place_of(given.get("cursor"))
        return Asked(said, given)
    except QueryInvalidError as error:
        return Asked({name: said[name] for name in _NAMES if name in said}, error=error)


def ranges(asked_for: Asked, now: dt.datetime) -> list[dict[str, Any]]:
    """Ways to today, to seven days, and to all of it, with everything else as it is."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    since = {
        "Today": midnight,
        "7 d": midnight - dt.timedelta(days=6),
        "All": None,
    }
    rest = {name: value for name, value in asked_for.filters.items() if name not in ("from", "to")}
    chosen = asked_for.said.get("from", "") if "to" not in asked_for.said else "?"
    found = []
    for words, moment in since.items():
        said = f"{moment:%Y-%m-%dT%H:%M}" if moment else ""
        query = {**rest, **({"from": said} if said else {})}
        found.append({"words": words, "query": query, "here": chosen == said})
    return found
