"""What a search of the record may name, the same by REST and in the page's address."""

import datetime as dt
import re
import uuid
from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import User

from audit.families import GROUPS
from audit.models import ActorKind, Outcome
from audit.reading import Place
from audit.search import Search
from console.access.roles import ROLES
from console.api.problems import QueryInvalidError
from console.api.queries import CURSOR, LIMIT, Cursor, Field, choice

TEXT_MOST = 200
_KIND = r"[a-z][a-z\-]{0,39}"


def _text_field(name: str, about: str) -> Field:
    def parse(text: str) -> str:
        if not text.strip() or len(text) > TEXT_MOST or not text.isprintable():
            raise ValueError(text)
        return text.strip()

    return Field(
        name, parse, f"1 to {TEXT_MOST} characters in one line", about,
        {"type": "string", "maxLength": TEXT_MOST},
    )  # fmt: skip


def _moment_field(name: str, about: str) -> Field:
    def parse(text: str) -> dt.datetime:
        moment = dt.datetime.fromisoformat(text.replace(" ", "+"))
        moment = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
        if not 1970 <= moment.year <= 2200:
            raise ValueError(text)
        return moment

    allowed = "a time as 2026-11-26T15:04:05Z; without a zone it is UTC"
    return Field(name, parse, allowed, about, {"type": "string", "format": "date-time"})


def _groups_field() -> Field:
    def parse(text: str) -> frozenset[str]:
        named = frozenset(text.split(","))
        if not named <= GROUPS.keys():
            raise ValueError(text)
        return named

    return Field(
        "what", parse, f"of these, by commas: {', '.join(GROUPS)}",
        f"Groups of actions: {', '.join(GROUPS)}; several by commas.",
    )  # fmt: skip


def _pattern_field(name: str, pattern: str, allowed: str, about: str) -> Field:
    def parse(text: str) -> str:
        if not re.fullmatch(pattern, text) or not text.isprintable():
            raise ValueError(text)
        return text

    return Field(name, parse, allowed, about)


def _id_field(name: str, about: str) -> Field:
    return _pattern_field(name, r"[\x21-\x7e]{1,64}", "1 to 64 characters without blanks", about)


FILTERS: tuple[Field, ...] = (
    _text_field("q", "Words of action, object and reason, by how they begin; or an id."),
    _groups_field(),
    _pattern_field(
        "action", r"[a-z][a-z.\-]{0,63}", "an action, as hold.lift", "One action, as hold.lift."
    ),
    _text_field("actor", "Who: a user name, a token, a trigger or a process, as recorded."),
    choice("actor_kind", ActorKind.values, "What kind of actor."),
    choice("role", ROLES, "People who hold this role now."),
    _text_field("on_behalf_of", "Whom or what for: a person, or an order's strategy."),
    _pattern_field(
        "object", rf"{_KIND}(:[^\s:].{{0,199}})?", "a kind, or kind:id, as hold:ID",
        "What it was done to: a kind, or kind:id.",
    ),
    _id_field("correlation", "Of one correlation id."),
    _id_field("request", "Of one request."),
    choice("outcome", Outcome.values, "How it ended."),
    _moment_field("from", "Recorded at this time or later."),
    _moment_field("to", "Recorded before this time."),
)  # fmt: skip
QUERY = (*FILTERS, LIMIT, CURSOR)
LONGEST_ID = 200


def one_id(text: str) -> str:
    """Whatever may be the id of something. Raises ValueError."""
    if not text.isprintable() or not text.strip() or len(text) > LONGEST_ID:
        raise ValueError(text)
    return text


STORY = Field("story", one_id, "an id", "The story that this id is part of, in place of a search.")


def search_of(given: Mapping[str, Any], families: frozenset[str] | None) -> Search:
    """``given``: values of ``FILTERS``, parsed. Raises db.Error when a role is named."""
    kind, _, ident = given.get("object", "").partition(":")
    return Search(
        families=families,
        text=given.get("q", ""),
        since=given.get("from"),
        until=given.get("to"),
        groups=given.get("what", frozenset()),
        action=given.get("action", ""),
        actors=_actors(given),
        role=given.get("role", ""),
        actor_kind=given.get("actor_kind", ""),
        on_behalf_of=given.get("on_behalf_of", ""),
        object_kind=kind,
        object_id=ident,
        correlation=given.get("correlation", ""),
        request=given.get("request", ""),
        outcome=given.get("outcome", ""),
    )


def _actors(given: Mapping[str, Any]) -> frozenset[str] | None:
    named = frozenset({given["actor"]}) if "actor" in given else None
    if "role" not in given:
        return named
    holders = people_of_role(given["role"])
    return holders if named is None else holders & named


def people_of_role(role: str) -> frozenset[str]:
    """User names of those who hold it now, disabled ones among them. Raises db.Error."""
    rows = User.objects.filter(groups__name=role)
    return frozenset(rows.values_list("username", flat=True))


def place_of(cursor: Cursor | None) -> Place | None:
    """Raises QueryInvalidError for a cursor of another list."""
    if cursor is None:
        return None
    try:
        return Place(cursor.at, uuid.UUID(cursor.key))
    except ValueError:
        raise QueryInvalidError("cursor", "'cursor' is of another list.", CURSOR.allowed) from None


def cursor_of(place: Place | None) -> Cursor | None:
    return None if place is None else Cursor(place.at, str(place.id))
