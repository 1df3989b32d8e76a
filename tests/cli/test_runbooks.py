"""The runbooks' scripts that look: positions compared, moves of positions."""

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import django.db
import pytest
from typer.testing import CliRunner

from console.cli import runbookwork
from console.cli.app import app
from console.cli.codes import Code, EndError
from console.cli.output import Form
from console.cli.runbooks import milliseconds
from console.cli.runbookwork import Moves, quantities
from tests.console.api.conftest import new_order
from trading.clock import utc_now
from trading.models import Strategy, VenueAccount

D = Decimal
Files = Callable[[Any, Any], tuple[str, str]]


@pytest.fixture
def files(tmp_path: Path) -> Files:
    def written(ours: Any, theirs: Any) -> tuple[str, str]:
        paths = tmp_path / "system.json", tmp_path / "broker.json"
        for path, body in zip(paths, (ours, theirs), strict=True):
            path.write_text(body if isinstance(body, str) else json.dumps(body))
        return str(paths[0]), str(paths[1])

    return written


def held(symbol: str, quantity: object, account: str = "paper-1") -> dict[str, object]:
    return {
        "account": account, "symbol": symbol, "quantity": quantity, "strategy": "any",
        "taken_at": (utc_now() - dt.timedelta(seconds=12)).isoformat(),
    }  # fmt: skip


def test_positions_that_agree_once_strategies_are_netted(files: Files) -> None:
    ours = [held("EURUSD", "3000"), held("EURUSD", "-1000"), held("SPY", "0")]
    said = CliRunner().invoke(app, ["compare-positions", *files(ours, [held("EURUSD", "2000.0")])])
    assert (said.exit_code, said.stdout) == (0, "AGREE  0 of 1 positions differ\n")


def test_what_differs_is_named_with_both_sides(files: Files) -> None:
    ours = [held("EURUSD", "2000"), held("SPY", 5), held("SPY", 5, "paper-2")]
    theirs = [held("EURUSD", "1999.99"), held("SPY", 5, "paper-2"), held("GCZ3", "-1")]
    said = CliRunner().invoke(app, ["compare-positions", *files(ours, theirs), "-o", "json"])
    body = json.loads(said.stdout)
    assert (said.exit_code, body["agree"], body["compared"]) == (6, False, 4)
    assert [(one["symbol"], one["difference"]) for one in body["differences"]] == [
        ("EURUSD", "0.01"), ("GCZ3", "1"), ("SPY", "5"),
    ]  # fmt: skip
    table = CliRunner().invoke(app, ["compare-positions", *files(ours, theirs)])
    assert table.stdout.endswith("DIFFER  3 of 4 positions differ\n")


@pytest.mark.parametrize("taken_at", ["2 hours ago", None, "yesterday"])
def test_a_venue_that_was_read_long_ago_or_nobody_knows_when_is_unknown(
    files: Files, taken_at: str | None
) -> None:
    old = held("SPY", "5", "paper-2") | {"taken_at": taken_at}
    if taken_at == "2 hours ago":
        old["taken_at"] = (utc_now() - dt.timedelta(hours=2)).isoformat()
    both = [held("EURUSD", "2000"), held("SPY", "5", "paper-2")]
    answers = files(both, [held("EURUSD", "2000"), old])
    said = CliRunner().invoke(app, ["compare-positions", *answers])
    assert (said.exit_code, said.stdout) == (6, "UNKNOWN  0 of 2 positions differ\n")
    assert "the venue of paper-2 was read" in said.stderr
    assert "paper-1" not in said.stderr
    if taken_at == "2 hours ago":
        assert "7,200 s before it was saved" in said.stderr
    body = json.loads(CliRunner().invoke(app, ["compare-positions", *answers, "-ojson"]).stdout)
    assert (body["agree"], body["old"]) == (None, ["paper-2"])


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ("[", "Expecting"),
        ({}, "no list"),
        ([1], "entry 0 has not"),
        ([held("EURUSD", 1), {"symbol": "SPY"}], "entry 1 has not"),
        ([held("EURUSD", "many")], "a number"),
        ([held("EURUSD", "NaN")], "a number"),
    ],
)
def test_a_file_that_is_none_of_the_api_s_is_named(
    files: Files, tmp_path: Path, body: Any, named: str
) -> None:
    files(body, [])
    with pytest.raises(EndError, match=named) as ended:
        quantities(tmp_path / "system.json")
    assert ended.value.code is Code.USAGE
    assert "/api/positions" in str(ended.value)


@dataclass
class Held:
    strategy: str
    symbol: str
    quantity: Decimal
    unrealized_pnl: Decimal | None
    account: str = "paper-1"


def test_a_move_is_said_once_and_from_there_on_the_next() -> None:
    moves = Moves(D(1000))
    worth: list[tuple[int | None, list[int]]] = [
        (200, []), (1100, []), (1200, [1000]), (2100, []), (300, []), (200, [-1000]), (-700, []),
        (None, []), (-60_000, [-60_200]), (None, []), (None, []), (-60_100, []),
    ]  # fmt: skip
    for value, said in worth:
        pnl = None if value is None else D(value)
        found = list(moves.look([Held("mom", "EURUSD", D(5), pnl)], "10:00:00"))
        assert [one.by for one in found] == said, value
    assert list(moves.look([], "10:00:00")) == []
    assert list(moves.look([Held("mom", "EURUSD", D(5), D(9000))], "10:00:00")) == []
    assert list(Moves(D(0)).look([Held("mom", "SPY", D(5), D(1))], "10:00:00")) == []


def test_each_account_s_position_is_watched() -> None:
    moves = Moves(D(1000))

    def look(live: int) -> list[tuple[str, Decimal]]:
        rows = [
            Held("mom", "SPY", D(100), D(live), "live-1"),
            Held("mom", "SPY", D(100), D(0), "rehearsal"),
        ]
        return [(one.account, one.by) for one in moves.look(rows, "10:00:00")]

    assert look(0) == []
    assert look(-50_000) == [("live-1", D(-50_000))]


@pytest.mark.parametrize(
    ("looks", "code"),
    [
        ([[0], [10]], Code.DONE), ([[], []], Code.DONE), ([[0], [5000]], Code.MISSED),
        ([[None], [None]], Code.MISSED), ([[0], [None], [0]], Code.MISSED),
    ],
)  # fmt: skip
def test_what_moved_and_what_could_not_be_watched_is_not_as_it_should_be(
    monkeypatch: pytest.MonkeyPatch, looks: list[list[int | None]], code: Code
) -> None:
    rows = iter(
        [Held("mom", "SPY", D(1), None if one is None else D(one)) for one in look]
        for look in looks
    )
    books = SimpleNamespace(positions=lambda redis, open_only: next(rows))
    stores = SimpleNamespace(redis_client=lambda: None)
    services = {"trading.selectors": books, "console.stores": stores}
    monkeypatch.setattr(runbookwork, "desk_here", lambda: None)
    monkeypatch.setattr(runbookwork, "service", lambda name: services.get(name, django.db))
    monkeypatch.setattr(runbookwork, "_passing", lambda duration, every: iter(looks))
    assert runbookwork.moves_watched(1000, 1, 1, Form.TABLE) is code


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("unanswered", "pending", "said"), [(0, 5, "REACHED"), (1, 0, "REACHED"), (60, 0, "MISSED")]
)
def test_orders_that_were_never_answered_are_no_low_latency(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    unanswered: int, pending: int, said: str,
) -> None:  # fmt: skip
    """``pending`` were sent just now: they may be answered in time."""
    VenueAccount.objects.create(name="paper-1", venue="P", adapter="x", address="x:1")
    strategy = Strategy.objects.create(
        key="mom", kind="momentum", owner="o", account_id="paper-1", symbols=["SPY"],
        size_notional=D(1),
    )  # fmt: skip
    now = utc_now()
    for number in range(100):
        answered = number >= unanswered + pending
        sent = now if unanswered <= number < unanswered + pending else now - dt.timedelta(minutes=5)
        new_order(
            strategy, number, created_at=now + dt.timedelta(minutes=1), sent_at=sent,
            answered_at=sent if answered else None, tick_to_send_us=100,
            send_to_answer_us=2_000 if answered else None,
        )  # fmt: skip
    monkeypatch.setattr(runbookwork, "desk_here", lambda: None)
    code = runbookwork.latency_measured(0, 100_000, Form.TABLE)
    word, text = capsys.readouterr().out.splitlines()[-1].split("  ", 1)
    assert (word, code) == (said, Code.DONE if said == "REACHED" else Code.MISSED)
    assert text.startswith(
        f"100 orders, {unanswered} of them unanswered for longer than the target"
    )


@pytest.mark.parametrize(("text", "ms"), [("500ms", 500), ("0.5s", 500), ("20", 20)])
def test_times(text: str, ms: float) -> None:
    assert milliseconds(text) == ms
