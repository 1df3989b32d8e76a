"""Asking all gateways at once: those on this host's disk, and those the database names."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import psycopg

from console.cli.bounded import Database, why
from riskctl.clock import NS, boot_ns
from riskctl.control import ControlError, ControlLink
from riskctl.desk import BrakesDesk
from riskctl.registered import ACCOUNTS_SQL, Registered, from_row, on_disk

T = TypeVar("T")

CONNECT_S = 0.3
ANSWER_S = 0.7
DATABASE_S = 1.0
LATEST_S = 1.6
"""After this the rest is not waited for."""


@dataclass
class Asked(Generic[T]):
    """``silent``: account -> why it did not answer. ``database``: why that did not; empty if it
    did."""

    answers: dict[str, T] = field(default_factory=dict)
    silent: dict[str, str] = field(default_factory=dict)
    database: str = ""

    @property
    def complete(self) -> bool:
        return not self.silent and not self.database

    @property
    def nothing(self) -> bool:
        return not self.answers and bool(self.database)


def gateways_ask(desk: BrakesDesk, database: Database, ask: Callable[[ControlLink], T]) -> Asked[T]:
    """Ask all gateways by ``ask``, each in a thread of its own."""
    return _Round(desk, ask).run(database)


class _Round(Generic[T]):
    def __init__(self, desk: BrakesDesk, ask: Callable[[ControlLink], T]) -> None:
        self._desk = desk
        self._ask = ask
        self._asked: Asked[T] = Asked()
        self._tokens: dict[str, int] = {}
        self._changed = threading.Condition()
        self._under_way = 0

    def run(self, database: Database) -> Asked[T]:
        until = boot_ns() + int(LATEST_S * NS)
        try:
            self._begin(list(on_disk(self._desk.home).values()))
        except (OSError, ValueError) as error:
            self._asked.silent["register on disk"] = why(error)
        problem = ""
        try:
            rows = database.rows(ACCOUNTS_SQL, within_s=DATABASE_S)
            self._begin([from_row(row) for row in rows])
        except (psycopg.Error, TimeoutError) as error:
            problem = why(error)
        with self._changed:
            while self._under_way and boot_ns() < until:
                self._changed.wait((until - boot_ns()) / NS)
            # A copy: a thread that is late must not change what is being shown.
            answers = dict(self._asked.answers)
            silent = {k: v for k, v in self._asked.silent.items() if k not in answers}
        return Asked(dict(sorted(answers.items())), dict(sorted(silent.items())), problem)

    def _begin(self, entries: list[Registered]) -> None:
        """An account is asked again only where a later gateway of it is known."""
        for one in entries:
            with self._changed:
                if one.token <= self._tokens.get(one.account, -1):
                    continue
                self._tokens[one.account] = one.token
                self._asked.silent.setdefault(one.account, "has not answered in time")
                self._under_way += 1
            threading.Thread(target=self._one, args=(one,), daemon=True).start()

    def _one(self, gateway: Registered) -> None:
        answer: T | None = None
        problem = "no gateway of this account was ever started"
        if gateway.address:
            try:
                with ControlLink(gateway.address, self._desk.key, timeout_s=CONNECT_S) as link:
                    link.wait_at_most(ANSWER_S)
                    answer = self._ask(link)
            except ControlError as error:
                problem = str(error)
        with self._changed:
            self._under_way -= 1
            if answer is not None:
                self._asked.answers[gateway.account] = answer
            else:
                self._asked.silent[gateway.account] = problem
            self._changed.notify_all()
