"""Sixteen at once on one request, on a real PostgreSQL: one of them decides, or none."""

import datetime as dt
import random
import threading
from collections.abc import Callable

import pytest
from django.db import connection

from riskctl.actors import Actor, NotAllowedError
from riskctl.approvals import (
    approval_approve,
    approval_reject,
    approval_request,
    approval_withdraw,
    approvals_expire,
)
from riskctl.models import Approval
from tests.approvals import people
from tests.approvals.people import COLIN, IVAN, MERCY, RUTH, SANA, executions, stale

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS, WIDTH = 200, 16
Try = tuple[str, Callable[[], object]]


def tries(row: Approval, dice: random.Random) -> list[Try]:
    """Sixteen tries, drawn: some may decide, some never may."""

    def approving(who: Actor) -> Try:
        return f"approve by {who.name}", lambda: approval_approve(
            approval_id=row.id, digest=row.digest, actor=who, reason="seen"
        )

    may: list[Try] = [
        approving(RUTH),
        approving(IVAN),
        ("reject", lambda: approval_reject(approval_id=row.id, actor=SANA, reason="no")),
        ("withdraw", lambda: approval_withdraw(approval_id=row.id, actor=MERCY)),
        ("expire", lambda: approvals_expire(now=row.expires_at + dt.timedelta(seconds=1))),
    ]
    never = [approving(MERCY), approving(COLIN), approving(stale(RUTH)), approving(SANA)]
    weights = [dice.random() for _ in may]
    drawn = dice.choices(may, weights, k=WIDTH - 4)
    return dice.sample([*drawn, *dice.choices(never, k=4)], WIDTH)


class Pool:
    """Sixteen threads with a connection each, let loose together on each round."""

    def __init__(self) -> None:
        self.start, self.end = threading.Barrier(WIDTH + 1), threading.Barrier(WIDTH + 1)
        self.round: list[Try] | None = []
        self.succeeded: list[str] = []
        self.broken: list[BaseException] = []
        self.threads = [threading.Thread(target=self.work, args=(n,)) for n in range(WIDTH)]
        for one in self.threads:
            one.start()

    def work(self, number: int) -> None:
        connection.ensure_connection()
        while True:
            self.start.wait(60)
            if self.round is None:
                connection.close()
                return
            name, act = self.round[number]
            try:
                if act():
                    self.succeeded.append(name)
            except NotAllowedError:
                pass  # refused: somebody else was first, or never may
            except BaseException as error:  # noqa: BLE001 - shown by the test
                self.broken.append(error)
            self.end.wait(60)

    def run(self, what: list[Try]) -> list[str]:
        self.round, self.succeeded = what, []
        self.start.wait(60)
        self.end.wait(60)
        return self.succeeded

    def close(self) -> None:
        self.round = None
        self.start.wait(60)
        for one in self.threads:
            one.join(30)


@pytest.mark.timeout(300)
def test_of_sixteen_at_once_at_most_one_decides_and_nobody_approves_their_own() -> None:
    dice, pool, ends = random.Random(7), Pool(), []
    try:
        for _ in range(ROUNDS):
            row = approval_request(
                kind=people.WATCHED, subject="thing:1", request={}, actor=MERCY, reason="race"
            )
            before = executions()
            won = pool.run(tries(row, dice))
            assert pool.broken == []
            row.refresh_from_db()
            executed = row.state == "executed"
            assert executions() - before == int(executed)
            assert len(won) == 1, won
            assert executed == won[0].startswith("approve")
            assert not executed or row.decided_by in (RUTH.name, IVAN.name)
            ends.append(row.state)
    finally:
        pool.close()
    assert {"executed", "rejected", "withdrawn", "expired"} <= set(ends)
