"""A database that will answer soon is waited for; one that says no is not."""

import psycopg
import pytest

from workers.supervisor.prepare import _is_refusal


@pytest.mark.parametrize(
    "said",
    [
        "FATAL:  the database system is starting up",
        "FATAL:  the database system is shutting down",
        "FATAL:  the database system is in recovery mode",
        "FATAL:  the database system is not yet accepting connections\nDETAIL:  not consistent",
        "connection refused",
    ],
)
def test_waited_for(said: str) -> None:
    assert not _is_refusal(psycopg.OperationalError(said))


@pytest.mark.parametrize(
    "said",
    [
        'FATAL:  password authentication failed for user "haltline"',
        'FATAL:  database "haltline" does not exist',
        "FATAL:  sorry, too many clients already",
    ],
)
def test_not_waited_for(said: str) -> None:
    assert _is_refusal(psycopg.OperationalError(said))
