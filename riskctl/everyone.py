"""Asking every gateway there is, by its control socket, and what the record gets of it.

Needs no database: the register on this host's disk says where gateways are. A gateway that does
not answer is named.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

import psycopg
import structlog

from audit.record import INSERT_SQL
from riskctl.control import ControlError, ControlLink, Request
from riskctl.desk import BrakesDesk
from riskctl.registered import ACCOUNTS_SQL, Registered, from_row, newest, on_disk
from riskctl.threads import begin
from riskctl.unrecorded import entry_keep

log = structlog.get_logger(__name__)

DATABASE_S = 0.2

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Heard(Generic[T]):
    """``answers`` by account; ``failed``: account -> why there is none. ``accounts_known``: the
    database said which accounts there are; else those on this host's disk were asked."""

    answers: Mapping[str, T]
    failed: Mapping[str, str]
    accounts_known: bool


def everyone_ask(
    desk: BrakesDesk, request: Request, answer: type[T], *, answer_s: float
) -> Heard[T]:
    """All at once, each account in a thread of its own: none waits for another."""
    told: dict[str, Future[T]] = {}
    lookup = begin(lambda: _in_database(desk), psycopg.Error)
    ask = partial(_ask, desk, request, answer, answer_s)
    _tell(ask, _known_here(desk), told)
    known = _found(lookup)
    _tell(ask, known or {}, told)
    answers: dict[str, T] = {}
    failed: dict[str, str] = {}
    for account, one in sorted(told.items()):
        try:
            answers[account] = one.result(answer_s + 0.6)
        except (ControlError, TimeoutError) as error:
            failed[account] = str(error) or "no answer in time"
    return Heard(answers, failed, known is not None)


def _known_here(desk: BrakesDesk) -> dict[str, Registered]:
    try:
        return on_disk(desk.home)
    except (OSError, ValueError) as error:
        log.error("register.unreadable", error=str(error))
        return {}


def _in_database(desk: BrakesDesk) -> dict[str, Registered]:
    """Raises psycopg.Error."""
    connection = desk.connection()
    rows = connection.execute(ACCOUNTS_SQL.encode()).fetchall()
    desk.give_back(connection)
    here = _known_here(desk)
    found = {one.account: one for one in map(from_row, rows)}
    return {account: newest(here.get(account), one) for account, one in found.items()}


def _found(lookup: "Future[dict[str, Registered]]") -> dict[str, Registered] | None:
    """What the database says in time; None when it does not."""
    try:
        return lookup.result(DATABASE_S)
    except (TimeoutError, psycopg.Error) as error:
        log.warning("register.database-silent", error=str(error) or type(error).__name__)
        return None


def _tell(
    ask: Callable[[Registered], T],
    entries: Mapping[str, Registered],
    told: dict[str, "Future[T]"],
) -> None:
    """Each account once."""
    for account, entry in entries.items():
        if account not in told:
            told[account] = begin(partial(ask, entry), ControlError)


def _ask(
    desk: BrakesDesk, request: Request, answer: type[T], answer_s: float, entry: Registered
) -> T:
    """Raises ControlError."""
    if not entry.address:
        raise ControlError("it never had a gateway")
    with ControlLink(entry.address, desk.key, timeout_s=0.3) as link:
        link.wait_at_most(answer_s)
        return link.ask(request, answer)


def entry_record(desk: BrakesDesk, entry: Sequence[Any]) -> bool:
    """Write an entry of the record; whether it was. Else it is kept on this host's disk, and the
    watchdog enters it, with its time, when the record takes it."""
    try:
        connection = desk.connection()
        connection.execute(INSERT_SQL.encode(), entry)
    except psycopg.Error as error:
        log.error("entry.not-recorded", action=str(entry[0]), error=str(error).strip())
        _keep(desk, entry)
        return False
    desk.give_back(connection)
    return True


def _keep(desk: BrakesDesk, entry: Sequence[Any]) -> None:
    try:
        entry_keep(desk.home, entry)
    except OSError as error:
        log.critical("entry.not-kept", entry=str(entry[0]), error=str(error))
