"""What an entry says changed: before and after, side by side, leaf by leaf. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Change:
    """One leaf, by the names that lead to it. A side is None where there is no such leaf."""

    name: str
    before: str | None
    after: str | None

    @property
    def changed(self) -> bool:
        return self.before != self.after


def changes(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> list[Change]:
    """Every leaf of both, in the order of their names.

    A side that does not hold a leaf says nothing of it: an entry may note only what it is about.
    """
    old, new = dict(_leaves(before)), dict(_leaves(after))
    return [Change(name, old.get(name), new.get(name)) for name in sorted({*old, *new})]


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(inner, f"{name} {key}".strip())
        if not value and name:
            yield name, "none"
    elif isinstance(value, list) and any(isinstance(one, Mapping | list) for one in value):
        for number, one in enumerate(value, 1):
            yield from _leaves(one, f"{name} {number}".strip())
    elif name:
        yield name, _text(value)


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_text(one) for one in value) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else str(value) or "empty"
