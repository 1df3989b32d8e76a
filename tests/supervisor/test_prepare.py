"""A database that will answer soon is waited for; one that says no is not. Who owns it is said."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

import psycopg
import pytest
from django.conf import settings
from django.db import connection

from tests.support.roles import ROLE, application_url, owner
from workers.grants import RolesError, database_prepare
from workers.supervisor import prepare
from workers.supervisor.config import read_config
from workers.supervisor.errors import StartError
from workers.supervisor.prepare import _is_refusal, prepare_data
from workers.supervisor.prepared import PREPARED, WARNING


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


def owner_url() -> str:
    known = connection.settings_dict
    return (
        f"postgres://{known['USER']}:{quote(known['PASSWORD'], safe='')}"
        f"@{quote(known['HOST'], safe='')}:{known['PORT']}/{known['NAME']}"
    )


@contextmanager
def one_migration_behind() -> Iterator[None]:
    with owner() as own:
        last = "SELECT max(name) FROM django_migrations WHERE app = 'audit'"
        behind = f"FROM django_migrations WHERE app = 'audit' AND name = ({last})"
        own.execute(f"CREATE TABLE kept AS SELECT * {behind}".encode())
        own.execute(f"DELETE {behind}".encode())
        try:
            yield
        finally:
            own.execute("INSERT INTO django_migrations TABLE kept")
            own.execute("DROP TABLE kept")


@pytest.mark.django_db(transaction=True)
class TestRoles:
    def test_prepared_as_the_owner_the_application_may_only_add(self) -> None:
        assert database_prepare(url=application_url(), owner_url=owner_url()) == ""
        assert connection.settings_dict["USER"] != ROLE, "the connection is what it was"

    def test_without_the_owner_what_is_up_to_date_starts(self) -> None:
        assert database_prepare(url=application_url()) == ""

    def test_without_the_owner_what_is_behind_says_who_is_missing(self) -> None:
        with one_migration_behind(), pytest.raises(RolesError, match="DATABASE_OWNER_URL"):
            database_prepare(url=application_url())

    def test_one_role_for_both_is_refused(self) -> None:
        with pytest.raises(RolesError, match="CREATE ROLE"):
            database_prepare(url=owner_url(), owner_url=owner_url())

    def test_two_databases_are_refused(self) -> None:
        elsewhere = application_url().rpartition("/")[0] + "/postgres"
        with pytest.raises(RolesError, match="different databases"):
            database_prepare(url=elsewhere, owner_url=owner_url())

    def test_the_role_is_made_where_it_is_asked_for(self) -> None:
        url = application_url().replace(ROLE, "haltline_tests_more")
        try:
            assert database_prepare(url=url, owner_url=owner_url(), make_role=True) == ""
            with psycopg.connect(url) as own:
                assert own.execute("SELECT count(*) FROM audit_entry").fetchone() == (0,)
        finally:
            with owner() as own:
                own.execute("DROP OWNED BY haltline_tests_more")
                own.execute("DROP ROLE haltline_tests_more")

    def test_a_demo_of_the_owner_is_warned_and_a_production_does_not_start(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        made: list[str] = []
        monkeypatch.setattr(prepare, "call_command", made.append)

        def prepared(url: str, *, production: bool) -> str:
            prepare_data(
                url, settings.REDIS_URL, owner_url="", create_database=False, production=production
            )
            return capsys.readouterr().out.splitlines()[-1]

        said = prepared(owner_url(), production=False)
        assert said.startswith(f"{WARNING}the desk's database role")
        assert "DATABASE_OWNER_URL" in said
        assert prepared(application_url(), production=True) == PREPARED
        assert made == ["desk_prepare"] * 2
        with pytest.raises(SystemExit, match="could rewrite the record"):
            prepared(owner_url(), production=True)
        assert made == ["desk_prepare"] * 2


def test_an_owner_without_a_role_to_work_as_is_refused() -> None:
    with pytest.raises(StartError, match="DATABASE_URL"):
        read_config({"DATABASE_OWNER_URL": "postgres://owner@db.example/desk"})
    given = {"DATABASE_URL": "postgres://app@d/x", "DATABASE_OWNER_URL": "postgres://owner@d/x"}
    assert read_config(given).database_owner_url == "postgres://owner@d/x"
