"""Runs against PostgreSQL: what is compared, what a break's life is, and what alarms."""

import datetime as dt
import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pgtrigger
import pytest
from django.conf import settings
from django.db import OperationalError, connection, transaction
from redis import Redis
from structlog.testing import capture_logs

from riskctl.actors import Actor
from tests.portfolio.builders import FEED_NOON_NS, entry_fields
from tests.reconciliation.builders import Desk, at, names, run
from trading import streams
from trading.models import Break, CashMovement, Fill, Position, Reconciliation
from trading.reconciliation.prices import mids_now
from trading.reconciliation.service import UnknownAccountError, reconcile_run
from workers.tasks import reconcile

Recorded = Callable[[str], list[dict[str, Any]]]


def test_an_account_that_agrees(desk: Desk, recorded: Recorded) -> None:
    desk.resting("o-rest")
    desk.says(0, orders=("o-rest",))
    report = run(6)
    assert (report.agrees, report.why, report.breaks) == (True, "", ())
    assert (report.at, report.last_agreed) == (at(0), at(0))
    assert report.compared == {
        "positions": 2, "orders": 1, "fills": 2, "cash": 2, "fill_sequence": 2,
    }  # fmt: skip
    row = Reconciliation.objects.get()
    assert (row.pk, row.agrees, row.breaks, row.asked_by) == (report.id, True, [], "schedule")
    (opening,) = recorded("reconciliation.open-cash")
    assert Decimal(opening["after"]["opening"]["USD"]) == 10_000_000
    assert recorded("reconciliation.run") == []


def test_what_the_venues_log_says_moved_is_no_break(desk: Desk, recorded: Recorded) -> None:
    desk.says(0)
    assert run(1).agrees
    desk.says(10, cash="-12.5")
    assert names(run(11)) == {"cash:USD"}
    given = {"account_id": "paper-1", "kind": "funding", "currency": "USD", "symbol": "EURUSD"}
    CashMovement.objects.create(log_id=7, at=at(9), amount=Decimal("-12.5"), **given)
    CashMovement.objects.create(log_id=8, at=at(15), amount=Decimal(-1), **given)
    assert run(12).agrees, "what moved after the reading is not in it"
    desk.says(20, cash="-13.5")
    assert run(21).agrees


def test_every_account_is_compared_and_one_when_named(desk: Desk) -> None:
    desk.says(0)
    desk.says(0, "paper-2")
    reports = reconcile_run(asked_by="schedule", mids=dict, clock=lambda: at(1))
    assert [(one.account, one.agrees) for one in reports] == [("paper-1", True), ("paper-2", True)]
    assert run(2, "paper-2").account == "paper-2"
    assert Reconciliation.objects.count() == 3
    with pytest.raises(UnknownAccountError, match=r"'paper-9'; there are paper-1, paper-2"):
        run(3, "paper-9")


def test_a_fill_after_the_reading_is_no_break(desk: Desk) -> None:
    desk.resting("o-rest", quantity="9000", filled=Decimal(0))
    desk.says(0, orders=("o-rest",))
    desk.fill("mom-eurusd", "EURUSD", "sell", "5000", "1.16")
    desk.fill("mr-gold", "XAUUSD", "buy", "3", "4000")
    assert run(1).agrees


def test_a_position_at_the_venue_that_is_not_ours(desk: Desk, recorded: Recorded) -> None:
    desk.says(0, positions={"EURUSD": "1000"})
    report = run(1)
    (row,) = report.breaks
    assert (row.what, row.key, row.ours, row.theirs) == ("position", "EURUSD", "2000", "3000")
    assert (row.value, row.first_seen, report.agrees) == (Decimal("1150.00"), at(1), False)
    assert Reconciliation.objects.get().breaks == ["position:EURUSD"]
    (begun,) = recorded("break.begin")
    assert (begun["object_id"], begun["after"]["theirs"]) == (str(row.pk), "3000")

    desk.says(10, positions={"EURUSD": "1000"})
    (again,) = run(11).breaks
    assert (again.pk, again.first_seen, again.last_seen) == (row.pk, at(1), at(11))
    assert [len(recorded(one)) for one in ("break.begin", "break.change")] == [1, 0]

    desk.says(20)
    report = run(21)
    assert report.agrees
    assert Break.objects.get().ended_at == at(21)
    assert [one["object_id"] for one in recorded("break.end")] == [str(row.pk)]

    desk.says(30, positions={"EURUSD": "1000"})
    (anew,) = run(31).breaks
    assert anew.pk != row.pk
    assert run(32).last_agreed == at(20)


def test_a_stored_position_that_is_not_what_the_fills_say(desk: Desk) -> None:
    desk.says(0)
    desk.fill("mom-eurusd", "EURUSD", "sell", "500", "1.16")
    Position.objects.filter(symbol="EURUSD").update(quantity=Decimal(0))
    (row,) = run(1).breaks
    assert (row.key, row.ours, row.theirs) == ("EURUSD books", "500", "2000")


def test_a_hole_in_our_fills(desk: Desk) -> None:
    for _ in range(3):
        desk.fill("mom-eurusd", "EURUSD", "buy", "1000", "1.15")
    desk.says(0, fill_sequence=7)
    with pgtrigger.ignore("trading.Fill:append_only"):
        Fill.objects.filter(account="paper-1", sequence__in=[1, 3, 4]).delete()
    report = run(1)
    assert {"fill:#1", "fill:#3-4", "fill:#6-7"} <= names(report)
    assert report.compared["cash"] == 0
    assert {one.value for one in report.breaks if one.what == "fill"} == {None}


def test_money_that_moves_without_a_fill(desk: Desk) -> None:
    desk.says(0)
    assert run(1).agrees
    desk.fill("mom-eurusd", "EURUSD", "sell", "5000", "1.16", fee="0.3")
    desk.says(10)
    assert run(11).agrees
    desk.says(20, cash="-12.50")
    (row,) = run(21).breaks
    assert (row.what, row.key, row.value) == ("cash", "USD", Decimal("12.5"))
    assert Decimal(row.theirs) - Decimal(row.ours) == Decimal("-12.5")


def test_what_the_account_opened_with_outlives_a_venue_that_is_away(desk: Desk) -> None:
    desk.says(0)
    assert run(1).agrees
    assert not run(100).agrees
    desk.says(200, cash="5")
    assert names(run(201)) == {"cash:USD"}


# Orders -------------------------------------------------------------------------------------------


def test_an_order_at_the_venue_that_we_never_made(desk: Desk) -> None:
    order = {
        "client_order_id": "elsewhere-1", "symbol": "GCZ3", "side": "buy", "quantity": "4",
        "filled": "1",
    }  # fmt: skip
    desk.says(0, open_orders=[order])
    (row,) = run(1).breaks
    assert (row.key, row.ours, row.theirs) == ("elsewhere-1", "not ours", "buy 4 GCZ3, 1 filled")
    assert row.value == 3 * 1300 * 100


def test_an_order_of_another_account_is_not_ours_here(desk: Desk) -> None:
    desk.order("o-other", "mom-btc", "BTCUSDT", "1", created_at=at(-60))
    desk.says(0, orders=("o-other",))
    assert names(run(1)) == {"order:o-other"}


def test_an_order_of_ours_that_the_venue_does_not_have(desk: Desk) -> None:
    desk.resting("o-lost", state="unknown")
    desk.says(0)
    assert run(4).agrees  # it may still be between two states
    (row,) = run(6).breaks
    assert (row.key, row.theirs, row.value) == ("o-lost", "not open", Decimal(2300))


def test_an_order_just_sent_is_not_missed(desk: Desk) -> None:
    desk.resting("o-new", state="pending", created_at=at(-1))
    desk.says(0)
    assert run(6).agrees
    desk.says(10)
    assert names(run(16)) == {"order:o-new"}


def test_an_order_partly_filled_since_the_reading_agrees(desk: Desk) -> None:
    resting = desk.resting("o-part")
    desk.says(0, orders=("o-part",))
    later = desk.fill("mom-eurusd", "EURUSD", "buy", "500", "1.15")
    with pgtrigger.ignore("trading.Fill:append_only"):
        Fill.objects.filter(pk=later.pk).update(order=resting)
    assert run(1).agrees
    desk.says(10, orders=("o-part",))  # the venue says 0 filled, and has the fill
    (row,) = run(11).breaks
    assert (row.what, row.ours) == ("order", "buy 2000 EURUSD, 500 filled")


# Without a reading --------------------------------------------------------------------------------


def test_without_a_reading_nothing_agrees(desk: Desk) -> None:
    report = run(0)
    assert (report.agrees, report.why) == (False, "no reading of the venue yet")
    assert not Reconciliation.objects.get().agrees


def test_an_old_reading_is_said_and_ends_no_break(desk: Desk) -> None:
    desk.says(0, positions={"EURUSD": "1000"})
    run(1)
    report = run(31)
    assert (report.agrees, report.why) == (False, "no reading of the venue for 31 s")
    assert names(report) == {"position:EURUSD"}
    row = Break.objects.get()
    assert (row.ended_at, row.last_seen) == (None, at(1))
    desk.says(40)
    assert run(41).agrees


def test_a_reading_that_makes_no_sense(desk: Desk) -> None:
    desk.says(0, balances={"USD": 1.5})
    report = run(1)
    assert not report.agrees
    assert report.why.startswith("the venue's reading cannot be read: TypeError")


# Alarms -------------------------------------------------------------------------------------------


def alarms(seconds: float) -> list[dict[str, Any]]:
    with capture_logs() as logs:
        run(seconds)
    return [dict(one) for one in logs if one["event"] == "reconciliation.alarm"]


def test_over_ten_thousand_dollars_alarms_once(desk: Desk, recorded: Recorded) -> None:
    desk.says(0, positions={"EURUSD": "8000"})
    assert alarms(1) == []
    desk.says(10, positions={"EURUSD": "9000"})
    (alarm,) = alarms(11)
    assert (alarm["log_level"], alarm["code"], alarm["value"]) == (
        "critical", "BREAK_LARGE", "10350.00",
    )  # fmt: skip
    assert alarms(12) == []
    (entry,) = recorded("break.alarm")
    assert (entry["reason"], entry["after"]["theirs"]) == ("BREAK_LARGE", "11000")
    desk.says(20, positions={"EURUSD": "90000"})
    assert [one["value"] for one in alarms(21)] == ["103500.00"]
    assert len(recorded("break.change")) == 2


def test_a_fill_that_nobody_ordered_alarms_however_small(desk: Desk, recorded: Recorded) -> None:
    desk.stray("EURUSD", "sell", "1000", "1.15")
    desk.says(0)
    (alarm,) = alarms(1)
    assert (alarm["code"], alarm["key"], alarm["account"]) == ("FILL_UNORDERED", "#3", "paper-1")
    rows = {f"{one.what}:{one.key}": one for one in Break.objects.all()}
    # No strategy's books hold it, so the venue holds more than ours: that too is a break.
    assert rows.keys() == {"fill:#3", "position:EURUSD"}
    assert rows["fill:#3"].theirs == "sell 1000 EURUSD"
    assert rows["fill:#3"].value == rows["position:EURUSD"].value == Decimal(1150)
    assert [one["reason"] for one in recorded("break.alarm")] == ["FILL_UNORDERED"]
    assert alarms(2) == []


def test_what_cannot_be_valued_alarms(desk: Desk) -> None:
    desk.says(0, positions={"SPY": "1"})
    (alarm,) = alarms(1)
    assert (alarm["code"], alarm["value"]) == ("BREAK_UNVALUED", None)


def test_nothing_is_logged_of_a_run_that_failed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(**_: object) -> None:
        raise OperationalError("away")

    desk.says(0, positions={"EURUSD": "9000"})
    monkeypatch.setattr(Reconciliation.objects, "create", refuses)
    with capture_logs() as logs, pytest.raises(OperationalError):
        run(1)
    assert logs == []
    assert not Break.objects.exists()


# Prices -------------------------------------------------------------------------------------------


def test_without_redis_our_last_trade_is_the_price(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "redis_url", lambda: "redis://127.0.0.1:1")
    desk.says(0, positions={"EURUSD": "-100", "SPY": "1"})
    rows = {one.key: one.value for one in run(1, mids=mids_now).breaks}
    assert rows == {"EURUSD": Decimal(115), "SPY": None}


def test_with_redis_it_is_the_mid(desk: Desk) -> None:
    ticks = entry_fields([("EURUSD", "1.1998", "1.2002", FEED_NOON_NS)])
    with Redis.from_url(settings.REDIS_URL) as client:
        client.delete(streams.TICKS, streams.QUOTES)
        client.xadd(streams.TICKS, ticks)
        assert mids_now() == {"EURUSD": Decimal("1.2")}
        client.delete(streams.TICKS)
    assert mids_now() == {}


# Asking -------------------------------------------------------------------------------------------


def test_a_run_that_somebody_asked_for_is_recorded(desk: Desk, recorded: Recorded) -> None:
    desk.says(0, positions={"EURUSD": "1000"})
    who = Actor(kind="token", name="script of mercy", source="10.0.0.9", request_id="r-1")
    report = run(1, None, asked_by="script of mercy", actor=who)
    (entry,) = recorded("reconciliation.run")
    assert (entry["actor_kind"], entry["actor"], entry["source"], entry["request_id"]) == (
        "token", "script of mercy", "10.0.0.9", "r-1",
    )  # fmt: skip
    first, second = entry["after"]["accounts"]
    assert first["breaks"] == [str(report.breaks[0].pk)]
    assert second["why"] == "no reading of the venue yet"
    assert (entry["outcome"], entry["object_id"]) == ("failed", "all")
    assert {one.asked_by for one in Reconciliation.objects.all()} == {"script of mercy"}


def test_the_task_runs_it(desk: Desk, recorded: Recorded) -> None:
    reconcile()
    assert Reconciliation.objects.filter(asked_by="schedule").count() == 2
    assert recorded("reconciliation.run") == []


# At once ------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_many_runs_at_once_find_one_break_once(desk: Desk, recorded: Recorded) -> None:
    desk.stray("EURUSD", "buy", "20000", "1.15")
    desk.says(0)
    together = threading.Barrier(6)
    failures: list[Exception] = []

    def one() -> None:
        try:
            together.wait(10)
            run(1)
        except Exception as error:  # noqa: BLE001 - it is looked at below
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=one) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert Break.objects.count() == 2
    assert Reconciliation.objects.count() == 6
    assert len(recorded("break.begin")) == 2
    assert len(recorded("break.alarm")) == 2
    assert len(recorded("reconciliation.open-cash")) == 1


@pytest.mark.django_db(transaction=True)
def test_a_gateway_books_while_its_account_is_compared(desk: Desk) -> None:
    """Its inserts refer to the account, whose row a run has locked."""
    failures: list[Exception] = []

    def books() -> None:
        try:
            with transaction.atomic():
                with connection.cursor() as cursor:
                    cursor.execute("SET LOCAL lock_timeout = '2s'")
                desk.fill("mom-eurusd", "EURUSD", "buy", "1000", "1.15")
        except Exception as error:  # noqa: BLE001 - it is looked at below
            failures.append(error)
        finally:
            connection.close()

    def clock() -> dt.datetime:
        """Asked once the account is locked."""
        thread = threading.Thread(target=books)
        thread.start()
        thread.join(30)
        return at(1)

    desk.says(0)
    report = run(1, clock=clock)
    assert failures == []
    assert report.agrees
    assert Fill.objects.filter(account="paper-1").count() == 3
