"""``compare_positions``: exit statuses, the table and the words."""

import datetime as dt
import io
import json
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from tests.reconciliation.builders import Desk
from trading.models import Break, Position, Reconciliation, VenueReading


def compare(*options: str) -> tuple[int, str, str]:
    """Exit status, stdout, stderr."""
    out, err, status = io.StringIO(), io.StringIO(), 0
    try:
        call_command("compare_positions", *options, stdout=out, stderr=err)
    except SystemExit as end:
        status = int(str(end.code))
    return status, out.getvalue(), err.getvalue()


def says(desk: Desk, age_s: float = 1, account: str = "paper-1", **more: Any) -> VenueReading:
    taken_at = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=age_s)
    return desk.says(0, account, taken_at=taken_at, **more)


@pytest.fixture
def agreeing(desk: Desk) -> Desk:
    says(desk)
    says(desk, account="paper-2")
    return desk


def test_they_agree(agreeing: Desk) -> None:
    agreeing.fill("mom-eurusd", "EURUSD", "buy", "1000", "1.15")  # after the reading
    status, out, err = compare()
    assert status == 0
    assert [line.split() for line in out.splitlines()] == [
        ["Account", "Symbol", "Venue", "Ours", "Fills", "Difference"],
        ["paper-1", "EURUSD", "2000", "2000", "2000", "0", "agrees"],
        ["paper-1", "GCZ3", "-2", "-2", "-2", "0", "agrees"],
        ["paper-2", "BTCUSDT", "0.1", "0.1", "0.1", "0", "agrees"],
    ]
    assert err.splitlines()[0].startswith("paper-1: agrees, as the venue said at 20")
    assert err.splitlines()[1].endswith("fill 1")


def test_one_differs(agreeing: Desk) -> None:
    says(agreeing, age_s=0, positions={"XAUUSD": "-3"})
    status, out, _ = compare("--account", "paper-1")
    assert status == 1
    assert ["paper-1", "XAUUSD", "-3", "0", "0", "-3", "DIFFERS"] in [
        line.split() for line in out.splitlines()
    ]
    assert "paper-2" not in out
    assert compare("--account", "paper-2")[0] == 0


def test_stored_positions_that_differ_from_the_fills(agreeing: Desk) -> None:
    Position.objects.filter(symbol="EURUSD").update(quantity=Decimal(1900))
    status, out, _ = compare()
    assert status == 1
    assert "100  DIFFERS" in out


def test_without_a_fresh_reading_it_could_not(desk: Desk) -> None:
    says(desk, age_s=45)
    status, out, err = compare()
    assert status == 2
    assert len(out.splitlines()) == 1
    assert err.splitlines() == [
        "paper-1: no reading of the venue for 45 s",
        "paper-2: no reading of the venue yet",
    ]


def test_one_that_differs_counts_more_than_one_that_could_not(desk: Desk) -> None:
    says(desk, positions={"EURUSD": "1"})
    assert compare()[0] == 1


def test_as_json(agreeing: Desk) -> None:
    status, out, _ = compare("--account", "paper-2", "--output", "json")
    assert status == 0
    (account,) = json.loads(out)
    assert (account["account"], account["agrees"], account["fill_sequence"]) == ("paper-2", True, 1)
    assert account["positions"] == [
        {
            "symbol": "BTCUSDT", "venue": "0.1", "ours": "0.1", "fills": "0.1",
            "difference": "0", "agrees": True,
        }
    ]  # fmt: skip


def test_it_changes_nothing(agreeing: Desk) -> None:
    says(agreeing, age_s=0, positions={"EURUSD": "1"})
    compare()
    assert not Reconciliation.objects.exists()
    assert not Break.objects.exists()


def test_an_account_that_is_none(desk: Desk) -> None:
    with pytest.raises(CommandError, match="--account: no venue account 'x'") as refused:
        compare("--account", "x")
    assert refused.value.returncode == 2


def test_without_any_account(db: None) -> None:
    assert compare()[0] == 2


def test_without_a_database_it_could_not(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    connection.close()
    monkeypatch.setitem(connection.settings_dict, "PORT", "1")
    with pytest.raises(CommandError, match="could not be compared") as refused:
        compare()
    monkeypatch.undo()
    connection.close()
    assert refused.value.returncode == 2


def test_its_help_says_the_exit_statuses(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        call_command("compare_positions", "--help")
    text = " ".join(capsys.readouterr().out.split())
    assert "0 they agree, 1 one differs, 2 it could not be found out" in text
