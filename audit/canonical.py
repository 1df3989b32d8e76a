"""Canonical bytes of an audit entry: what is hashed is what is stored.

The form is JSON with sorted keys, no white space, UTF-8, and only strings, integers, booleans,
null, lists and objects in it, so that any JSON reader of any language rebuilds the same bytes
(RFC 8785 restricted to values that need no number formatting). Money, prices and quantities
are decimal strings; times are RFC 3339 UTC strings with microseconds; floats are refused, and
whole numbers that not every JSON reader keeps.
"""

import datetime as dt
import json
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any
from uuid import UUID

LARGEST_INTEGER = 2**53 - 1
DEEPEST = 32


class NotCanonicalError(TypeError):
    """A value has no canonical form; the message names where it stands."""


def rfc3339(moment: dt.datetime) -> str:
    """UTC time as ``2026-11-21T09:30:00.123456Z``. Raises NotCanonicalError when naive."""
    if moment.tzinfo is None:
        raise NotCanonicalError("a time without a zone cannot be recorded")
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class _MisfitError(Exception):
    """A value without a form; ``where`` is filled from the inside out."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.where: list[str] = []


def plain(value: Any) -> Any:
    """``value`` with only JSON's exact types in it. Raises NotCanonicalError naming the path."""
    try:
        return _plain(value, 0)
    except _MisfitError as error:
        raise NotCanonicalError(f"${''.join(reversed(error.where))}: {error}") from None


def _plain(value: Any, depth: int) -> Any:
    kind = type(value)
    if kind is str:
        return _text(value)
    if value is None or kind is bool:
        return value
    if depth > DEEPEST:
        raise _MisfitError(f"nested deeper than {DEEPEST}")
    if isinstance(value, Mapping):
        return _object(value, depth)
    if isinstance(value, list | tuple):
        return [_at(inner, f"[{at}]", depth) for at, inner in enumerate(value)]
    return _scalar(value)


def _at(value: Any, place: str, depth: int) -> Any:
    try:
        return _plain(value, depth + 1)
    except _MisfitError as error:
        error.where.append(place)
        raise


def _object(value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
    found, name = {}, ""
    try:
        for name in _ordered(tuple(value)):
            found[name] = _plain(value[name], depth + 1)
    except _MisfitError as error:
        if name:
            error.where.append(f".{name}")
        raise
    return found


@lru_cache(maxsize=1024)  # entries of one action have the same names, and sorting them is costly
def _ordered(names: tuple[Any, ...]) -> tuple[str, ...]:
    """As RFC 8785 sorts them: by their UTF-16 code units."""
    for one in names:
        if not isinstance(one, str):
            raise _MisfitError(f"the key {one!r} is no string")
    return tuple(sorted((_text(one) for one in names), key=lambda one: one.encode("utf-16-be")))


def _scalar(value: Any) -> str | int:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int):
        if abs(value) > LARGEST_INTEGER:
            raise _MisfitError(f"{value} is beyond 2^53, which not every reader keeps")
        return int(value)
    if isinstance(value, Decimal) and value.is_finite():
        return format(value, "f")
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, dt.datetime):
        return rfc3339(value)
    raise _MisfitError(f"{type(value).__name__} {value!r} has no canonical form")


def _text(value: str) -> str:
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise _MisfitError("half of a surrogate pair has no bytes") from None
    return str(value)


def canonical_bytes(body: Mapping[str, Any]) -> bytes:
    """The bytes that are stored and hashed for ``body``. Raises NotCanonicalError."""
    return json.dumps(
        plain(body), separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()
