"""What is new since the last check of all is checked a slice at a look, from where it had come."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from audit import watching
from audit.standing import Standing, record_standing, record_verify
from audit.watching import Watch
from tests.audit.recording import Recording, connect, execute, rows, settle, write
from trading.clock import utc_now

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def recording(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Recording]:
    """Thirty-one entries, all of them signed; ten are looked at at once."""
    monkeypatch.setattr(watching, "LOOK", 10)
    made = Recording(tmp_path)
    settings.AUDIT_KEYS_FOLDER = tmp_path / "keys"
    settings.AUDIT_ANCHORS = [str(made.anchor.path)]
    made.now = utc_now  # type: ignore[method-assign]
    grow(made, 0, 30)
    yield made
    made.close()


def grow(recording: Recording, first: int, count: int) -> None:
    running = recording.started[0] if recording.started else recording.start()
    settle(running)
    with connect() as own:
        write(*range(first, first + count), to=own)
    settle(running)
    recording.seconds += 31
    settle(running)


def seen(found: Standing) -> tuple[int, int] | None:
    return None if found.seen is None else (found.seen.since, found.seen.upto)


def test_each_look_goes_on_where_the_last_one_ended(recording: Recording) -> None:
    watch, now = Watch(), utc_now()
    assert [seen(record_standing(now, watch)) for _ in range(5)] == [
        (0, 10), (0, 20), (0, 30), (0, 31), (0, 31)]  # fmt: skip
    grow(recording, 30, 5)
    assert seen(record_standing(now, watch)) == (0, 36)
    record_verify(actor="a test", actor_kind="process")
    assert seen(record_standing(now, watch)) == (36, 36)
    grow(recording, 40, 14)  # and the entry of the check
    assert [seen(record_standing(now, watch)) for _ in range(2)] == [(36, 46), (36, 51)]
    assert seen(record_standing(now, Watch())) == (36, 46)


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("UPDATE audit_entry SET body = body || ' ' WHERE id = '{id}'", "the chain does not lead"),
        ("UPDATE audit_entry SET reason = 'none' WHERE id = '{id}'", "the column reason"),
        ("DELETE FROM audit_entry WHERE id = '{id}'", "was removed"),
        ("UPDATE audit_place SET chain = sha256('x') WHERE index = 24", "the chain does not lead"),
    ],
    ids=["body", "column", "removed", "chain"],
)
def test_what_is_bad_is_named_and_not_passed(recording: Recording, sql: str, why: str) -> None:
    [(ident,)] = rows("SELECT entry_id FROM audit_place WHERE index = 24")
    execute(sql.format(id=ident))
    watch, now = Watch(), utc_now()
    found = [record_standing(now, watch) for _ in range(4)]
    assert [one.status for one in found] == ["whole", "whole", "not-whole", "not-whole"]
    assert found[-1].why.startswith("entry 24: ")
    assert why in found[-1].why
    assert seen(found[-1]) == (0, 20)


def test_the_tree_is_compared_once_a_checkpoint_and_again_after_a_while(
    recording: Recording,
) -> None:
    watch, now = Watch(), utc_now()
    assert record_standing(now, watch).compared_at == now
    execute("UPDATE audit_place SET leaf = sha256('x') WHERE index = 30")
    later = now + dt.timedelta(seconds=29)
    assert record_standing(later, watch).compared_at == now
    found = record_standing(now + dt.timedelta(seconds=31), watch)
    assert (found.status, found.compared_at) == ("not-whole", None)
    assert record_standing(later, watch).status == "not-whole"
    assert record_standing(now).status == "not-whole"


def test_an_anchor_that_keeps_it_no_more_is_not_counted(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [one.anchor for one in record_standing(utc_now()).kept] == ["file:anchor.jsonl"]
    monkeypatch.setattr("audit.standing.KEPT_AMONG", 1)
    execute("DELETE FROM audit_anchoring WHERE checkpoint_id ="
            " (SELECT max(id) FROM audit_signedcheckpoint)")  # fmt: skip
    assert record_standing(utc_now()).kept == ()
