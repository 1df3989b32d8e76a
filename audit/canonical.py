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


def plain(value: Any, path: str = "$", depth: int = 0) -> Any:
    """``value`` with only JSON's exact types in it. Raises NotCanonicalError naming the path."""
    if depth > DEEPEST:
        raise NotCanonicalError(f"{path}: nested deeper than {DEEPEST}")
    if isinstance(value, Mapping):
        return _object(value, path, depth)
    if isinstance(value, list | tuple):
        return [plain(inner, f"{path}[{at}]", depth + 1) for at, inner in enumerate(value)]
    return _scalar(value, path)


def _scalar(value: Any, path: str) -> str | int | None:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _text(value, path)
    if isinstance(value, int):
        if abs(value) > LARGEST_INTEGER:
            raise NotCanonicalError(f"{path}: {value} is beyond 2^53, which not every reader keeps")
        return int(value)
    if isinstance(value, Decimal) and value.is_finite():
        return format(value, "f")
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, dt.datetime):
        return rfc3339(value)
    raise NotCanonicalError(f"{path}: {type(value).__name__} {value!r} has no canonical form")


def _object(value: Mapping[Any, Any], path: str, depth: int) -> dict[str, Any]:
    for key in value:
        if not isinstance(key, str):
            raise NotCanonicalError(f"{path}: the key {key!r} is no string")
    # RFC 8785 sorts names by their UTF-16 code units.
    names = sorted((_text(key, path) for key in value), key=lambda name: name.encode("utf-16-be"))
    return {name: plain(value[name], f"{path}.{name}", depth + 1) for name in names}


def _text(value: str, path: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise NotCanonicalError(f"{path}: half of a surrogate pair has no bytes") from None
    return str(value)


def canonical_bytes(body: Mapping[str, Any]) -> bytes:
    """The bytes that are stored and hashed for ``body``. Raises NotCanonicalError."""
    return json.dumps(
        plain(body), separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()
