"""The form of a line of the permission table. Data only: nothing here lets anybody in.

What is allowed is decided by the door, by views and by services. The table says what that must
come to; tests/console/access/test_matrix.py asks every line of every caller and compares.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Caller(StrEnum):
    """A person with one role. The trader's two: on a strategy of their desk, and on another's."""

    OWN = "trader, own desk"
    OTHER = "trader, other desk"
    RISK = "risk"
    SRE = "sre"
    COMPLIANCE = "compliance"
    ADMIN = "administrator"


class Door(StrEnum):
    """How far a session must have come."""

    OPEN = "anybody"
    PASSWORD = "password"  # noqa: S105 - a state
    FACTOR = "factor"


class Face(StrEnum):
    """Whose errors an address answers with. ``STOP`` is the page that stops: it redirects."""

    PAGE = "page"
    API = "api"
    STOP = "stop"
    SOCKET = "socket"


EVERYBODY = frozenset(Caller)
NOBODY: frozenset[Caller] = frozenset()
TRADERS = frozenset({Caller.OWN, Caller.OTHER})
SCOPES = ("read", "stop", "flatten", "trade-test", "export")


@dataclass(frozen=True, slots=True)
class Row:
    """One method at one address, for one ``case`` where it depends on what is asked for.

    ``who``: people that are let do it with a fresh second factor. ``step_up``: a code when a factor
    over five minutes old is refused, else empty; ``again``: with which status, 303 where the page
    leads to giving a factor. ``tokens``: scopes of which one is enough.
    ``refusal``, ``bearer``: codes that people and tokens are refused with, by blanks. ``status``:
    that of a person's refusal. ``owners``: whose tokens, where it is not everybody's; what is read
    is what the owner may see, so there it is ``who``.
    """

    method: str
    path: str
    who: frozenset[Caller] = EVERYBODY
    case: str = ""
    face: Face = Face.PAGE
    door: Door = Door.FACTOR
    tokens: frozenset[str] = frozenset()
    step_up: str = ""
    again: int = 403
    refusal: str = ""
    bearer: str = ""
    status: int = 403
    owners: frozenset[Caller] | None = None

    @property
    def token_owners(self) -> frozenset[Caller]:
        if self.owners is not None:
            return self.owners
        return self.who if self.method == "GET" else EVERYBODY

    @property
    def key(self) -> tuple[str, str, str]:
        return self.method, self.path, self.case

    @property
    def name(self) -> str:
        return " ".join(part for part in (self.method, self.path, self.case) if part)


@dataclass(frozen=True, slots=True)
class Section:
    """Lines that belong together, as the document shows them."""

    title: str
    about: str
    rows: tuple[Row, ...]


def people(*who: Caller) -> frozenset[Caller]:
    return frozenset(who)


def page(path: str, who: frozenset[Caller] = EVERYBODY, **facts: Any) -> Row:
    """Reading a page, or a part of one."""
    return Row("GET", path, who, **facts)


def form(path: str, who: frozenset[Caller] = EVERYBODY, **facts: Any) -> Row:
    """Sending a page's form."""
    return Row("POST", path, who, **facts)


def read(path: str, who: frozenset[Caller] = EVERYBODY, **facts: Any) -> Row:
    """Reading by REST: people, and tokens that may read."""
    given: dict[str, Any] = {"tokens": frozenset({"read"}), "bearer": "scope-missing"}
    return Row("GET", path, who, face=Face.API, **given | facts)


def write(path: str, who: frozenset[Caller] = EVERYBODY, **facts: Any) -> Row:
    """Writing by REST, by people alone unless ``tokens`` says otherwise."""
    return Row("POST", path, who, face=Face.API, **facts)


def stop(path: str, who: frozenset[Caller], case: str = "", **facts: Any) -> Row:
    """A stop by REST: the people named, and tokens that may stop. Never a fresh factor."""
    given: dict[str, Any] = {
        "refusal": "hold-not-yours", "tokens": frozenset({"stop"}),
        "bearer": "scope-missing",
    }  # fmt: skip
    return Row("POST", path, who, case, Face.API, **given | facts)


def flat(sections: Iterable[Section]) -> tuple[Row, ...]:
    return tuple(row for section in sections for row in section.rows)
