"""What leads from one entry to others of the same story. Pure.

A correlation id is where most of a story hangs together: a hold's steps, what an approval carried
out, the orders and fills of a signal. It ends where one thing leads to another (an approval to the
hold that it lifts); there the story goes on by object, by what the body names, and by the request
that both came from.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

CORRELATION, REQUEST = "correlation", "request"
FOLLOWED = frozenset(
    {"hold", "approval", "break-glass", "maintenance", "order", "fill", "access-review"}
)
"""Kinds of objects that one story is about. A strategy or a person is in many."""
_NAMED = {
    "hold": "hold", "approval": "approval", "limits_approval": "approval", "placed": "hold",
    "returned": "hold", "use": "break-glass", "order": "order",
}  # fmt: skip
"""Names in a body that hold the id of another object, and its kind."""
_INNER = ("request", "result")
_ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Key:
    """``kind``: CORRELATION, REQUEST, or the kind of an object."""

    kind: str
    id: str


@dataclass(frozen=True, slots=True)
class Facts:
    """An entry as far as it leads elsewhere."""

    object_kind: str
    object_id: str
    correlation_id: str
    request_id: str
    body: Mapping[str, Any]


def keys_of_id(ident: str) -> list[Key]:
    """Whatever ``ident`` may be the id of."""
    return [
        Key(CORRELATION, ident), Key(REQUEST, ident),
        *(Key(kind, ident) for kind in sorted(FOLLOWED)), Key("approval", f"hold:{ident}"),
    ]  # fmt: skip


def keys_of(entry: Facts) -> list[Key]:
    """By nearness: its own story first, what it names last."""
    found = [Key(CORRELATION, entry.correlation_id), *_object(entry.object_kind, entry.object_id)]
    for part in ("after", "before"):
        said = entry.body.get(part)
        if isinstance(said, Mapping):
            found += _named(said)
    found.append(Key(REQUEST, entry.request_id))
    return [one for one in dict.fromkeys(found) if one.id]


def _object(kind: str, ident: str) -> Iterator[Key]:
    if kind not in FOLLOWED:
        return
    yield Key(kind, ident)
    if _ID.fullmatch(ident):  # what an object brings about goes by its id
        yield Key(CORRELATION, ident)
    if kind == "hold":  # a request to lift it that was refused is recorded under what was asked for
        yield Key("approval", f"hold:{ident}")


def _named(said: Mapping[str, Any]) -> Iterator[Key]:
    kind, _, ident = str(said.get("subject", "")).partition(":")
    yield from _object(kind, ident)
    for name, of_kind in _NAMED.items():
        value = said.get(name)
        if isinstance(value, str) and value:
            yield from _object(of_kind, value)
    for name in _INNER:
        inner = said.get(name)
        if isinstance(inner, Mapping):
            yield from _named(inner)
