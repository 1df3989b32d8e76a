"""Conditions of what raises risk: measured at the moment, shown with their evidence. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition. ``text`` says what was found; when unmet, also what to do about it."""

    name: str
    met: bool
    text: str
    evidence: Mapping[str, Any] = field(default_factory=dict)
    """Strings, whole numbers, decimals, times, and lists and objects of them."""

    def body(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "met": self.met,
            "text": self.text,
            "evidence": dict(self.evidence),
        }


class PreconditionError(Exception):
    """Not now: ``items`` are the conditions that are not met. Nothing was done."""

    code = "preconditions-not-met"

    def __init__(self, items: Iterable[Condition]) -> None:
        self.items = tuple(items)
        super().__init__("; ".join(f"{one.name}: {one.text}" for one in self.items))


def require(conditions: Iterable[Condition]) -> list[Condition]:
    """``conditions``, all of them met. Raises PreconditionError with those that are not."""
    found = list(conditions)
    missing = [one for one in found if not one.met]
    if missing:
        raise PreconditionError(missing)
    return found
