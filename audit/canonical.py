"""Canonical bytes of an audit entry: what is hashed is what is stored.

The form is JSON with sorted keys, no white space, UTF-8, and only strings, integers, booleans,
null, lists and objects in it, so that any JSON reader of any language rebuilds the same bytes
(RFC 8785 restricted to values that need no number formatting). Money, prices and quantities
are decimal strings; times are RFC 3339 UTC strings with microseconds; floats are refused.
"""

import datetime as dt
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID


class NotCanonicalError(TypeError):
    """A value has no canonical form; the message names where it stands."""


def rfc3339(moment: dt.datetime) -> str:
    """UTC time as ``2026-11-21T09:30:00.123456Z``. Raises NotCanonicalError when naive."""
    if moment.tzinfo is None:
        raise NotCanonicalError("a time without a zone cannot be recorded")
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def plain(value: Any, path: str = "$") -> Any:
    """``value`` with only JSON's exact types in it. Raises NotCanonicalError naming the path."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, dt.datetime):
        return rfc3339(value)
    if isinstance(value, Mapping):
        return {str(key): plain(inner, f"{path}.{key}") for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner, f"{path}[{index}]") for index, inner in enumerate(value)]
    raise NotCanonicalError(f"{path}: {type(value).__name__} has no canonical form")


def canonical_bytes(body: Mapping[str, Any]) -> bytes:
    """The bytes that are stored and hashed for ``body``."""
    return json.dumps(
        plain(body), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()
