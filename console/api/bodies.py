"""What the body of a POST may say. Read as JSON whatever its Content-Type is; it may be empty.

Each view names its fields. What is unknown or wrong is refused, naming the field; a stop takes it
down and goes on without it.
"""

import datetime as dt
import json
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ParseError

from console.api.problems import BodyInvalidError

NAME_LONGEST = 150
TEXT_LONGEST = 4_000
NOTED_LONGEST = 300


@dataclass(frozen=True)
class BodyField:
    """One field. ``parse`` raises ValueError for a value that is none."""

    name: str
    parse: Callable[[Any], Any]
    allowed: list[str] | str
    about: str
    shape: Callable[..., Any] = serializers.CharField
    required: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)

    def described(self) -> Any:
        """As the OpenAPI document has it."""
        return self.shape(required=self.required, help_text=self.about, **self.options)


@dataclass(frozen=True, slots=True)
class Said:
    """The fields given, parsed; ``ignored``: what a stop went on without, as it was sent."""

    values: Mapping[str, Any]
    ignored: Mapping[str, Any]

    def text(self, name: str) -> str:
        """A text field's value; empty when it is not given."""
        return str(self.values.get(name, ""))


def _sound(value: Any, longest: int) -> str:
    if not isinstance(value, str) or len(value) > longest or "\0" in value:
        raise ValueError(value)
    value.encode()  # UnicodeEncodeError, a ValueError, for half a surrogate pair
    return value


def text_part(
    name: str, about: str, *, required: bool = False, longest: int = TEXT_LONGEST
) -> BodyField:
    least = 1 if required else 0

    def parse(value: Any) -> str:
        if len(_sound(value, longest).strip()) < least:
            raise ValueError(value)
        return str(value)

    return BodyField(
        name, parse, f"text, {least} to {longest} characters", about, required=required
    )  # fmt: skip


def choice_part(
    name: str, values: Iterable[str], about: str, *, required: bool = False
) -> BodyField:
    allowed = [str(one) for one in values]

    def parse(value: Any) -> str:
        if value not in allowed:
            raise ValueError(value)
        return str(value)

    about = f"{about} One of {', '.join(allowed)}."
    return BodyField(name, parse, allowed, about, required=required)


def flag_part(name: str, about: str) -> BodyField:
    def parse(value: Any) -> bool:
        if not isinstance(value, bool):
            raise ValueError(value)
        return value

    return BodyField(name, parse, "true or false", about, serializers.BooleanField)


def uuid_part(name: str, about: str, *, required: bool = False) -> BodyField:
    def parse(value: Any) -> uuid.UUID:
        return uuid.UUID(_sound(value, 64))

    return BodyField(name, parse, "a UUID", about, serializers.UUIDField, required=required)


def moment_part(name: str, about: str) -> BodyField:
    def parse(value: Any) -> dt.datetime:
        found = dt.datetime.fromisoformat(_sound(value, 40))
        if found.tzinfo is None or not 1970 <= found.year <= 2200:
            raise ValueError(value)
        return found

    allowed = "a time with its offset, e.g. 2026-11-30T18:00:00Z"
    return BodyField(name, parse, allowed, about, serializers.DateTimeField)


def object_part(name: str, about: str, *, required: bool = False) -> BodyField:
    def parse(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise ValueError(value)
        return value

    return BodyField(name, parse, "an object", about, serializers.DictField, required=required)


def names_part(name: str, about: str, *, required: bool = False) -> BodyField:
    def parse(value: Any) -> list[str]:
        if not isinstance(value, list):
            raise ValueError(value)
        return [_sound(one, NAME_LONGEST) for one in value]

    options = {"child": serializers.CharField()}
    return BodyField(
        name, parse, "a list of names", about, serializers.ListField, required, options
    )


def whole_part(name: str, about: str, *, required: bool = False) -> BodyField:
    def parse(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError(value)
        return value

    return BodyField(
        name, parse, "a whole number", about, serializers.IntegerField, required=required
    )


def number_part(
    name: str, about: str, allowed: str, parse: Callable[[Any], Any], *, required: bool = False
) -> BodyField:
    """``parse`` reads the number, or its text, exactly; raises ValueError."""
    return BodyField(name, parse, allowed, about, serializers.FloatField, required=required)


REASON = text_part("reason", "Why. On a stop it may be missing: that is recorded.")
WHY = text_part("reason", "Why.", required=True)
OPERATOR = text_part(
    "operator",
    "Recorded as claimed; who acted is whom token or session proves.",
    longest=NAME_LONGEST,
)


def body_read(raw: bytes, fields: Iterable[BodyField]) -> Said:
    """Raises ParseError, and BodyInvalidError naming the first field that is wrong."""
    known = {one.name: one for one in fields}
    given = _object(raw)
    values = {name: _value(known, name, value) for name, value in given.items()}
    for one in known.values():
        if one.required and one.name not in values:
            raise BodyInvalidError(one.name, f"'{one.name}' is missing.", one.allowed)
    return Said(values, {})


def body_read_leniently(raw: bytes, fields: Iterable[BodyField]) -> Said:
    """For stops: what cannot be read is set aside. Raises nothing."""
    known = {one.name: one for one in fields}
    try:
        given = _object(raw)
    except ParseError:
        return Said({}, {"body": raw[:NOTED_LONGEST].decode(errors="replace")})
    values: dict[str, Any] = {}
    ignored: dict[str, Any] = {}
    for name, value in given.items():
        try:
            values[name] = _value(known, name, value)
        except BodyInvalidError:
            ignored[name] = value
    return Said(values, ignored)


def noted(reason: str, ignored: Mapping[str, Any]) -> str:
    """``reason`` with what was ignored behind it, so that it is recorded with the stop itself."""
    if not ignored:
        return reason
    text = json.dumps(ignored, sort_keys=True)  # ASCII: nothing in it can hinder the stop
    return f"{reason or 'no reason given'} (ignored: {text[:NOTED_LONGEST]})"


def _object(raw: bytes) -> dict[str, Any]:
    if not raw.strip():
        return {}
    try:
        given = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise ParseError from error
    if not isinstance(given, dict):
        raise ParseError
    return given


def _value(known: Mapping[str, BodyField], name: str, value: Any) -> Any:
    one = known.get(name)
    if one is None:
        allowed = sorted(known) or "no fields"
        raise BodyInvalidError(_shown(name), "Unknown field of the body.", allowed)
    try:
        return one.parse(value)
    except (ValueError, TypeError, OverflowError):
        raise BodyInvalidError(name, f"'{name}' has a wrong value.", one.allowed) from None


def _shown(name: str) -> str:
    return name[:80].encode(errors="replace").decode()
