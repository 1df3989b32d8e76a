"""What may stand behind the question mark: each view names its fields, all else is refused."""

import base64
import binascii
import datetime as dt
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.http import QueryDict
from drf_spectacular.utils import OpenApiParameter

from console.api.problems import QueryInvalidError

LIMIT_DEFAULT = 100
LIMIT_MOST = 1000


@dataclass(frozen=True)
class Field:
    """One query field. ``parse`` raises ValueError for a value that is none."""

    name: str
    parse: Callable[[str], Any]
    allowed: list[str] | str
    about: str
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})

    def parameter(self) -> OpenApiParameter:
        return OpenApiParameter(
            self.name, dict(self.schema), OpenApiParameter.QUERY, description=self.about
        )


def _limit(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,4}", text) or not 1 <= int(text) <= LIMIT_MOST:
        raise ValueError(text)
    return int(text)


def choice(name: str, values: Iterable[str], about: str) -> Field:
    """One of ``values``, exactly."""
    allowed = [str(one) for one in values]

    def parse(text: str) -> str:
        if text not in allowed:
            raise ValueError(text)
        return text

    return Field(name, parse, allowed, about, {"type": "string", "enum": allowed})


def name_field(name: str, about: str) -> Field:
    """A key or symbol; one that nothing bears finds nothing."""
    pattern = r"[A-Za-z0-9][A-Za-z0-9._\-]{0,79}"

    def parse(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(text)
        return text

    allowed = "1 to 80 letters, digits, dots, dashes or underscores"
    return Field(name, parse, allowed, about, {"type": "string", "pattern": f"^{pattern}$"})


LIMIT = Field(
    "limit",
    _limit,
    f"a whole number from 1 to {LIMIT_MOST}",
    f"How many at most; {LIMIT_DEFAULT} when not given.",
    {"type": "integer", "minimum": 1, "maximum": LIMIT_MOST, "default": LIMIT_DEFAULT},
)
LIMIT_WHOLE = Field(
    "limit",
    _limit,
    LIMIT.allowed,
    "How many at most; all when not given.",
    {"type": "integer", "minimum": 1, "maximum": LIMIT_MOST},
)


@dataclass(frozen=True)
class Cursor:
    """Where a page ended: the time and the key of its last row."""

    at: dt.datetime
    key: str

    def text(self) -> str:
        raw = json.dumps([self.at.isoformat(), self.key], separators=(",", ":"))
        return base64.urlsafe_b64encode(raw.encode()).rstrip(b"=").decode()


def _cursor(text: str) -> Cursor:
    if not re.fullmatch(r"[A-Za-z0-9_\-]{1,400}", text):
        raise ValueError(text)
    try:
        raw = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        at, key = raw
    except (binascii.Error, UnicodeDecodeError, TypeError) as error:
        raise ValueError(text) from error
    moment = dt.datetime.fromisoformat(str(at))
    sound = moment.tzinfo is not None and 1970 <= moment.year <= 2200
    if not sound or not isinstance(key, str) or "\0" in key:
        raise ValueError(text)
    return Cursor(moment, key)


CURSOR = Field(
    "cursor",
    _cursor,
    "the cursor of the Link header of an earlier answer",
    "Goes on after the page whose Link header gave it.",
)


def read(query: QueryDict, fields: Iterable[Field]) -> dict[str, Any]:
    """The fields given, parsed. Raises QueryInvalidError naming the field and what is allowed."""
    known = {one.name: one for one in fields}
    values: dict[str, Any] = {}
    for name, given in query.lists():
        if name not in known:
            raise QueryInvalidError(
                name[:80], "Unknown query field.", sorted(known) or "no query fields"
            )
        one = known[name]
        if len(given) != 1:
            raise QueryInvalidError(name, f"'{name}' is given more than once.", one.allowed)
        try:
            values[name] = one.parse(given[0])
        except ValueError:
            raise QueryInvalidError(name, f"'{name}' has a wrong value.", one.allowed) from None
    return values


def next_link(url: str, query: QueryDict, cursor: Cursor) -> str:
    """The ``Link`` header that leads to the next page. ``url`` is absolute, without a query."""
    given = [(name, value) for name, value in query.items() if name != "cursor"]
    return f'<{url}?{urlencode([*given, ("cursor", cursor.text())])}>; rel="next"'
