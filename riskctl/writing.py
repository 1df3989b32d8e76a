"""Writing holds and their proof from outside any Django transaction, bounded in time."""

import os
import socket
from collections.abc import Sequence
from functools import partial
from typing import Any

import psycopg

from riskctl.desk import BrakesDesk
from riskctl.holdrows import Statement, hold_statements, step_statements
from riskctl.holds import HoldFact
from riskctl.pending import Step
from riskctl.threads import alarm

SEVER_S = 3.0
"""A server that does not answer for so long has its connection shut."""


def steps_write(desk: BrakesDesk, hold: HoldFact, steps: Sequence[Step]) -> None:
    """The hold and its steps into the database, as often as wanted. Raises psycopg.Error."""
    statements = hold_statements(hold)
    for step in steps:
        statements += step_statements(
            hold_id=hold.id, name=step.name, part=step.part, account=step.account,
            wall_ns=step.wall_ns, facts=step.facts, actor=step.actor, signer=desk.signer,
        )  # fmt: skip
    commit(desk, statements)


def commit(
    desk: BrakesDesk, statements: Sequence[Statement], *queries: Statement
) -> list[list[tuple[Any, ...]]]:
    """One transaction in one round trip, and the rows of each query, which is made after it: what
    it does not show began later than the commit. Raises psycopg.Error."""
    connection = desk.connection()
    watch = alarm.set(SEVER_S, partial(_sever, connection))
    try:
        with connection.pipeline():
            connection.execute("BEGIN")
            for sql, values in statements:
                connection.execute(sql.encode(), values)
            connection.execute("COMMIT")
            found = [connection.execute(sql.encode(), values) for sql, values in queries]
        rows = [one.fetchall() for one in found]
    except psycopg.Error:
        connection.close()
        desk.drop_connections()  # they may be as dead as this one
        raise
    finally:
        alarm.off(watch)
    desk.give_back(connection)
    return rows


def _sever(connection: psycopg.Connection[object]) -> None:
    """Shut its socket down: whoever waits for a silent server sees it end."""
    if not connection.closed:
        with socket.socket(fileno=os.dup(connection.fileno())) as twin:
            twin.shutdown(socket.SHUT_RDWR)
