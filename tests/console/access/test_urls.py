"""The table is complete, and its document is what it says: no database is asked."""

import re
from collections import Counter

import pytest
from django.core.management import CommandError, call_command
from django.urls import resolve

from console.access import middleware
from console.access.matrix import SECTIONS, TABLE
from console.access.matrix.addresses import CATCH_ALL, Address, addresses, sockets
from console.access.matrix.document import document, document_path
from console.access.matrix.rows import Caller, Door, Face, Row
from console.asgi import application
from riskctl.approvals import KINDS
from riskctl.holds import RULES
from tests.console.access.matrix.samples import DEFAULTS, SAMPLES, Sample

HTTP = [row for row in TABLE if row.face is not Face.SOCKET]
ADDRESSES = addresses()
EXAMPLES = {
    name: "1b671a64-40d5-491e-99b0-da01ff1f3341" if name.endswith("_id") else value
    for name, value in DEFAULTS.items()
} | {"token_id": "1", "object_id": "1", "escalation_id": "1", "view_id": "1"}


def test_every_address_has_a_line_and_every_line_an_address() -> None:
    there, written = {one.path for one in ADDRESSES}, {row.path for row in HTTP}
    assert not there - written, "no line in console/access/matrix for these"
    assert not written - there, "no address for these"


def test_every_socket_has_a_line_and_every_line_a_socket() -> None:
    written = [row.path for row in TABLE if row.face is Face.SOCKET]
    assert sorted(written) == sorted(one.path for one in sockets(application))


def test_no_two_addresses_are_written_alike() -> None:
    twice = [path for path, count in Counter(one.path for one in ADDRESSES).items() if count > 1]
    assert not twice


def test_no_line_is_there_twice() -> None:
    assert not [key for key, count in Counter(row.key for row in TABLE).items() if count > 1]


@pytest.mark.parametrize("one", ADDRESSES, ids=lambda one: one.path)
def test_no_address_is_hidden_behind_another(one: Address) -> None:
    """What a path is answered by is the view that the table means."""
    found = resolve(one.example(EXAMPLES))
    assert found.func is one.view
    assert found.view_name.endswith(one.name)


def test_every_method_that_a_view_answers_has_a_line() -> None:
    """DRF's views name theirs; for the others test_matrix.py tries the methods that have none."""
    written = {(row.method, row.path) for row in HTTP}
    for one in ADDRESSES:
        cls = getattr(one.view, "cls", None)
        if cls is None or one.name in CATCH_ALL:
            continue
        answered = {
            name.upper() for name in cls.http_method_names if name != "head" and hasattr(cls, name)
        }
        assert answered == {method for method, path in written if path == one.path}, one.path


def test_every_kind_of_request_and_of_hold_has_a_line() -> None:
    asked = {row.case for row in TABLE if row.path == "/api/approvals" and row.method == "POST"}
    assert asked == set(KINDS)
    lifted = " ".join(row.case for row in TABLE if row.path == "/api/holds/{hold_id}/lift")
    words = {"dead-man": "dead man"}
    missing = [kind for kind in RULES if words.get(kind, str(kind)) not in lifted]
    assert not missing


def test_what_is_open_in_the_table_is_what_the_door_leaves_open() -> None:
    names = {one.path: one.name for one in ADDRESSES}
    for door, open_to in (
        (Door.OPEN, middleware.OPEN),
        (Door.PASSWORD, middleware.PASSWORD_ENOUGH),
    ):
        assert {names[row.path] for row in HTTP if row.door is door} == open_to


def test_every_line_that_writes_has_a_request_and_no_request_is_of_nothing() -> None:
    assert not [row.name for row in HTTP if row.method != "GET" and row.key not in SAMPLES]
    keys = {row.key for row in HTTP}
    assert not [key for key in SAMPLES if key not in keys]
    parameters = {name for one in ADDRESSES for name in one.parameters}
    assert parameters <= set(DEFAULTS), "a parameter of an address without an example"


def test_a_line_that_refuses_names_its_codes() -> None:
    for row in HTTP:
        if row.door is Door.FACTOR and row.who != frozenset(Caller):
            assert row.refusal, row.name
        if row.face is Face.API and row.door is Door.FACTOR and len(row.tokens) < 5:
            assert row.bearer or row.refusal, row.name


def test_stopping_asks_for_no_fresh_factor() -> None:
    stops = next(one for one in SECTIONS if one.title == "Stopping")
    assert not [row.name for row in stops.rows if row.step_up]


def test_no_token_may_what_starts_or_changes_rights() -> None:
    """Of what writes, tokens may stop, close, and compare the books with the venue."""
    allowed = {row.path for row in TABLE if row.method == "POST" and row.tokens}
    starting = re.compile(r"lift|resume|approv|grant|raise|size|people|tokens|sessions|stage")
    assert not [path for path in allowed if starting.search(path)]


def test_the_samples_are_sound() -> None:
    assert all(isinstance(one, Sample) and one.done for one in SAMPLES.values())
    assert not [key for key, one in SAMPLES.items() if 401 in one.done]


# The document ---------------------------------------------------------------------------------


def test_the_document_is_what_the_command_makes() -> None:
    assert document_path().read_text() == document(), "run manage.py permissions_doc"
    call_command("permissions_doc", "--check")


def test_the_command_says_when_the_document_is_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.management.commands.permissions_doc.document", lambda: "else")
    with pytest.raises(CommandError, match="run permissions_doc"):
        call_command("permissions_doc", "--check")


def test_every_line_is_in_the_document() -> None:
    text = document()
    for row in TABLE:
        assert f"| `{row.path}` | {row.case} |" in text
    assert text.count("\n| ") == len(TABLE) + 2 * len(SECTIONS)


def line(row: Row) -> str:
    return next(
        text
        for text in document().splitlines()
        if f"`{row.path}` | {row.case} |" in text and row.method in text
    )


def test_a_line_reads_as_the_row_says() -> None:
    row = next(one for one in TABLE if one.key == ("POST", "/trading/halt", "the firm"))
    cells = [cell.strip() for cell in line(row).strip("|").split("|")]
    assert cells == [
        "POST", "`/trading/halt`", "the firm", "–", "–", "yes", "yes", "–", "–", "–", "stop",
        "`hold-not-yours`, `scope-missing`",
    ]  # fmt: skip
