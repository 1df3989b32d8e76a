"""What entries are about: the first word of an action is its family, and groups are of families.

``hold.place`` is of the family ``hold``. Pure.
"""

from collections.abc import Collection, Iterable

DENIALS = "denials"
"""A group by outcome: whatever was denied, of any family."""

GROUPS: dict[str, frozenset[str]] = {
    "holds": frozenset({"hold", "break-glass", "deadman", "maintenance"}),
    "approvals": frozenset({"approval"}),
    DENIALS: frozenset({"access"}),
    "limits": frozenset({"limit", "trigger", "triggers"}),
    "stages": frozenset({"stage", "strategy", "engine"}),
    "orders": frozenset({"order", "orders", "stop-loss", "stop-losses"}),
    "fills": frozenset({"fill"}),
    "reconciliation": frozenset({"reconciliation", "break", "books", "cash"}),
    "sign-ins": frozenset({"sign-in", "sign-out", "session"}),
    "people": frozenset(
        {"person", "role", "desk", "factor", "recovery", "password", "token", "review",
         "escalation"}
    ),
    "processes": frozenset(
        {"process", "feed", "recording", "keys", "clock", "account", "calendars", "test"}
    ),
    "exports": frozenset({"audit", "view"}),
}  # fmt: skip
"""The groups that a search may name, by code."""

OF_PEOPLE = GROUPS["people"] | GROUPS["sign-ins"] | GROUPS[DENIALS]
"""About people, what they sign in with, what they hold, and what they were refused at the door."""


def family_of(action: str) -> str:
    return action.partition(".")[0]


def families_of(groups: Iterable[str]) -> frozenset[str]:
    """Raises KeyError for a group there is none of."""
    return frozenset().union(*(GROUPS[one] for one in groups))


def within(actions: Iterable[str], families: Collection[str]) -> list[str]:
    """Those of ``actions`` that are of ``families``, in their order."""
    return [one for one in actions if family_of(one) in families]
