"""Sixteen at once on one request, on a real PostgreSQL: one of them decides, or none.

The actors carry their roles as proven before, and one approver loses the role while it runs: what
keeps that one out is the database alone.
"""

import datetime as dt
import random
import threading
from collections.abc import Callable
from contextlib import closing

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection, transaction

from riskctl.actors import Actor, NotAllowedError
from riskctl.approvals import (
    approval_approve,
    approval_reject,
    approval_request,
    approval_withdraw,
    approvals_expire,
)
from riskctl.approvals.recording import database_now
from riskctl.models import Approval
from tests.approvals import people
from tests.approvals.people import COLIN, IVAN, MERCY, RUTH, SANA, executions, stale

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS, WIDTH = 1_000, 16
Try = tuple[str, Callable[[], object]]
LOSES = "loses the role"


def approving(row: Approval, who: Actor) -> Try:
    return f"approve by {who.name}", lambda: approval_approve(
        approval_id=row.id, digest=row.digest, actor=who, reason="seen"
    )


class Role:
    """Ivan's role: taken away in the middle of a round. ``lost_at``: when it was surely gone."""

    def __init__(self) -> None:
        self.user = User.objects.get(username=IVAN.name)
        self.group = Group.objects.get(name="risk")
        self.lost_at: dt.datetime | None = None

    def give(self) -> None:
        self.lost_at = None
        self.user.groups.add(self.group)

    def take(self) -> None:
        """After the statement the row is locked: nobody who held the role before is under way."""
        with transaction.atomic():
            User.groups.through.objects.filter(user=self.user, group=self.group).delete()
            self.lost_at = database_now()


def tries(row: Approval, dice: random.Random, role: Role) -> list[Try]:
    """Sixteen tries, drawn: some may decide, some never may; in two rounds of three a role goes."""
    may: list[Try] = [
        approving(row, RUTH),
        approving(row, IVAN),
        ("reject", lambda: approval_reject(approval_id=row.id, actor=SANA, reason="no")),
        ("withdraw", lambda: approval_withdraw(approval_id=row.id, actor=MERCY)),
        ("expire", lambda: row.id in approvals_expire(now=row.expires_at)),
    ]
    never = [approving(row, who) for who in (MERCY, COLIN, stale(RUTH), SANA)]
    weights = [dice.random() for _ in may]
    weights[1] *= 3
    drawn = [*dice.choices(may, weights, k=WIDTH - 4), *dice.choices(never, k=4)]
    if dice.random() < 2 / 3:
        drawn[dice.randrange(WIDTH - 4)] = (LOSES, role.take)
    return dice.sample(drawn, WIDTH)


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


def executed_at(row: Approval) -> dt.datetime:
    """By the executor's own clock reading: after both roles were locked."""
    return dt.datetime.fromisoformat((row.result or {})["at"])


def judge(row: Approval, won: list[str], role: Role, before: int) -> str:
    """What became of the request; fails where any promise was broken."""
    row.refresh_from_db()
    executed = row.state == "executed"
    assert executions() - before == int(executed)
    assert len(won) <= 1, won
    assert (row.state != "pending") == bool(won)
    assert executed == bool(won and won[0].startswith("approve"))
    if not executed:
        return row.state
    assert row.decided_by in (RUTH.name, IVAN.name)
    if row.decided_by == IVAN.name and role.lost_at is not None:
        assert executed_at(row) < role.lost_at, "carried out by one whose role was gone"
        return "executed before the role went"
    return row.state


@pytest.mark.timeout(300)
def test_of_sixteen_at_once_at_most_one_decides_and_nobody_approves_their_own() -> None:
    dice, role, ends = random.Random(7), Role(), []
    with closing(Pool()) as pool:
        for _ in range(ROUNDS):
            role.give()
            row = approval_request(
                kind=people.WATCHED, subject="thing:1", request={}, actor=MERCY, reason="race"
            )
            before = executions()
            won = pool.run(tries(row, dice, role))
            assert pool.broken == []
            ends.append(judge(row, won, role, before))
    wanted = {"executed", "executed before the role went", "rejected", "withdrawn", "expired"}
    assert wanted <= set(ends)


def test_the_judge_catches_a_database_that_does_not_look() -> None:
    """Without its trigger, whoever says to be of risk is: the race above would show it."""
    role = Role()
    row = approval_request(
        kind=people.WATCHED, subject="thing:1", request={}, actor=MERCY, reason="race"
    )
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE riskctl_approval DISABLE TRIGGER riskctl_approval_roles")
    try:
        role.take()
        won, act = approving(row, IVAN)
        act()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE riskctl_approval ENABLE TRIGGER riskctl_approval_roles")
    with pytest.raises(AssertionError, match="whose role was gone"):
        judge(row, [won], role, 0)


@pytest.mark.parametrize("whose", [MERCY, IVAN])
def test_a_role_that_is_being_taken_away_is_waited_for(whose: Actor) -> None:
    """The requester's or the approver's: the removal is under way, uncommitted, and counts."""
    row = approval_request(
        kind=people.WATCHED, subject="thing:1", request={}, actor=MERCY, reason="race"
    )
    refused: list[str] = []
    begun = threading.Event()

    def approve() -> None:
        begun.set()
        try:
            approving(row, IVAN)[1]()
        except NotAllowedError as error:
            refused.append(error.code)
        finally:
            connection.close()

    other = threading.Thread(target=approve)
    with transaction.atomic():
        User.groups.through.objects.filter(user__username=whose.name).delete()
        other.start()
        assert begun.wait(30)
        until = database_now() + dt.timedelta(seconds=30)
        while not _waits_for_a_lock():
            assert database_now() < until
    other.join(30)
    assert refused == ["approval-role-lost"]
    row.refresh_from_db()
    assert (row.state, executions()) == ("pending", 0)


def _waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        found = cursor.fetchone()
    return bool(found and found[0])
