"""The command against the real database: seeded differences are found, named and recorded."""

import io
import json
from decimal import Decimal
from typing import Any

import pgtrigger
import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from audit.models import Entry
from tests.portfolio.builders import Desk
from trading.models import BooksCheck, Fill, Order, Position, VenueReading
from trading.portfolio.recompute import books_check, books_compare

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def desk() -> Desk:
    """Long, reduced, closed and turned positions on both accounts, as the venue has them."""
    desk = Desk()
    desk.fill("mom-eurusd", "EURUSD", "buy", "3000", "1.15241")
    desk.fill("mom-eurusd", "EURUSD", "buy", "4000", "1.15317")
    desk.fill("mr-gold", "GCZ3", "sell", "3", "1286.6", fee="1.25")
    desk.fill("mom-eurusd", "EURUSD", "sell", "9000", "1.15309")
    desk.fill("mr-gold", "GCZ3", "buy", "3", "1284.9", fee="1.25")
    desk.fill("mom-btc", "BTCUSDT", "buy", "0.00217", "91204.51", fee="0.09895690")
    desk.reading("paper-1")
    desk.reading("paper-2")
    return desk


def run(*options: str) -> tuple[int, dict[str, Any]]:
    out = io.StringIO()
    status = 0
    try:
        call_command("recompute_books", "--output", "json", *options, stdout=out)
    except SystemExit as end:
        status = int(str(end.code))
    return status, json.loads(out.getvalue())


def fields(answer: dict[str, Any]) -> set[tuple[str, str, str]]:
    return {(one["kind"], one["subject"], one["field"]) for one in answer["differences"]}


def test_an_empty_desk_agrees() -> None:
    assert run()[0] == 0


def test_a_desk_that_agrees(desk: Desk) -> None:
    status, answer = run()
    assert status == 0
    assert answer["differences"] == []
    assert (answer["fills"], answer["positions"], answer["orders"]) == (6, 3, 6)
    first, second = answer["accounts"]
    assert first["venue"] == "agrees as of fill 5"
    assert second["venue"] == "agrees as of fill 1"
    # 7000 at an average of 1.152844…, 2 × 3 futures of 100 ounces
    assert first["realised"] == str(Decimal("1.72") + Decimal("510.00"))
    assert first["fees"] == "2.80"
    assert not Entry.objects.filter(action="books.check").exists()


def test_a_changed_position(desk: Desk) -> None:
    Position.objects.filter(symbol="EURUSD").update(quantity=Decimal(-2001))
    status, answer = run()
    assert status == 1
    assert fields(answer) == {("position", "paper-1 mom-eurusd EURUSD", "quantity")}


def test_a_missing_fill(desk: Desk) -> None:
    with pgtrigger.ignore("trading.Fill:append_only"):
        Fill.objects.filter(account="paper-1", sequence=3).delete()
    status, answer = run()
    assert status == 1
    assert ("fill-missing", "paper-1", "sequence") in fields(answer)
    assert ("order", "o-paper-1-3", "filled") in fields(answer)
    assert ("venue", "paper-1 GCZ3", "quantity") in fields(answer)


def test_a_wrong_fee(desk: Desk) -> None:
    with pgtrigger.ignore("trading.Fill:append_only"):
        Fill.objects.filter(account="paper-2").update(fee=Decimal("0.11"))
    status, answer = run()
    assert status == 1
    assert fields(answer) == {
        ("position", "paper-2 mom-btc BTCUSDT", "fees"),
        ("order", "o-paper-2-1", "fees"),
        ("venue", "paper-2 BTCUSDT", "fees"),
    }


def test_a_wrong_filled_quantity(desk: Desk) -> None:
    Order.objects.filter(pk="o-paper-1-2").update(filled=Decimal(3999))
    assert fields(run()[1]) == {("order", "o-paper-1-2", "filled")}


def test_the_venue_differs(desk: Desk) -> None:
    newest = VenueReading.objects.get(account="paper-2")
    newest.positions[0]["cash_flow"] = "-197.90"
    newest.save()
    assert fields(run()[1]) == {("venue", "paper-2 BTCUSDT", "cash_flow")}


def test_only_the_newest_reading_counts_and_as_of_its_fill(desk: Desk) -> None:
    VenueReading.objects.filter(account="paper-2").update(positions=[])
    desk.reading("paper-2")
    desk.fill("mom-btc", "BTCUSDT", "sell", "0.00100", "91300.00")
    assert run()[0] == 0


def test_differences_and_their_end_are_recorded(desk: Desk) -> None:
    Position.objects.filter(symbol="EURUSD").update(realised=Decimal(0))
    books_check()
    entry = Entry.objects.get(action="books.check")
    assert (entry.outcome, entry.object_kind) == ("failed", "books")
    body = json.loads(bytes(entry.body))
    assert body["after"]["first"][0]["field"] == "realised"
    check = BooksCheck.objects.latest()
    assert not check.agrees
    assert check.differences[0]["subject"] == "paper-1 mom-eurusd EURUSD"

    Position.objects.filter(symbol="EURUSD").update(
        realised=desk.holdings["paper-1", "mom-eurusd", "EURUSD"].realised
    )
    books_check()
    books_check()
    outcomes = Entry.objects.filter(action="books.check").order_by("recorded_at")
    assert [one.outcome for one in outcomes] == ["failed", "done"]
    assert BooksCheck.objects.count() == 3


def test_comparing_changes_nothing(desk: Desk) -> None:
    assert books_compare().agrees
    assert not BooksCheck.objects.exists()


def test_a_table_for_people(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    Position.objects.filter(symbol="BTCUSDT").update(fills=7)
    with pytest.raises(SystemExit) as ended:
        call_command("recompute_books")
    assert ended.value.code == 1
    text = capsys.readouterr().out
    assert "paper-1" in text
    assert "position paper-2 mom-btc BTCUSDT: fills is 7, fills say 1" in text
    assert text.rstrip().endswith("The books differ in 1 figure.")


def test_without_a_database_it_could_not(monkeypatch: pytest.MonkeyPatch) -> None:
    connection.close()
    monkeypatch.setitem(connection.settings_dict, "PORT", "1")
    with pytest.raises(CommandError, match="could not be recomputed") as refused:
        call_command("recompute_books")
    monkeypatch.undo()
    connection.close()
    assert refused.value.returncode == 2
