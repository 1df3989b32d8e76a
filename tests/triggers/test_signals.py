"""The runbook's alarms of signal generation: none for long, none sure, none in time."""

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.portfolio.builders import strategy_row
from tests.strategies.desk import quotes
from tests.support.desks import on_floor
from tests.triggers.builders import Rig
from trading.clock import NS, utc_from_ns
from trading.models import Signal, Strategy, VenueAccount
from trading.portfolio.books import AccountRow, Books
from trading.triggers.stored import Activity, SignalFacts, activity_read

D = Decimal
KEY, SCOPE = "mom-eurusd", "strategy:mom-eurusd"


class Market(Rig):
    """A strategy in EURUSD whose signals a test makes; ``quoted``: whether it is quoted."""

    def __init__(self, rung: str = "live") -> None:
        super().__init__()
        self.books = Books(
            as_of=utc_from_ns(self.wall_ns),
            accounts=(AccountRow("paper-1", "Paper One", live=False),),
            strategies=(strategy_row(),),
        )
        self.keeper.known = replace(self.keeper.known, rungs={KEY: rung})
        self.newest = 1

    def said(self, **changes: Any) -> None:
        """What is read of its signals now."""
        facts = {"count": 1, "zero": 0, "timed": 1, "latency_us": 100, "newest_us": self.newest}
        made = {KEY: SignalFacts(**{**facts, **changes})}
        self.activity = Activity({}, {}, made, self.boot_ns)

    def runs(self, seconds: int, *, quoted: bool = True) -> None:
        """A look a second, each with a quote unless none is due."""
        for _ in range(seconds):
            self.clock_ns = self.wall_ns
            if quoted:
                self.ticks(quotes("EURUSD", [1.15], start=self.wall_ns))
            else:  # the feed lives, this market does not
                self.ticks(quotes("EURUSD", [1.15], start=self.wall_ns)[:0])
            self.said()
            self.look(after_s=1)

    def alarms(self) -> list[tuple[str, str]]:
        return [one for one in self.breaches() if one[0].startswith("signal")]


def test_a_quarter_of_an_hour_without_a_signal_in_a_market_that_trades_fires() -> None:
    rig = Market()
    rig.runs(890)
    assert rig.alarms() == []
    assert [one.level for one in rig.fired if one.trigger == "signals-silent"] == ["warning"]
    rig.newest += 1
    rig.runs(890)
    assert rig.alarms() == []
    rig.runs(20)
    assert rig.alarms() == [("signals-silent", "firm")]


@pytest.mark.parametrize("rung", ["live", "stopped"])
def test_a_closed_market_and_a_stopped_strategy_are_not_silent(rung: str) -> None:
    rig = Market(rung)
    rig.runs(600, quoted=rung == "stopped")
    rig.runs(600, quoted=rung == "stopped")
    assert rig.alarms() == []
    rig.runs(880, quoted=True)
    assert rig.alarms() == []


def test_signals_that_were_not_read_are_unknown_not_silent() -> None:
    rig = Market()
    rig.runs(1)
    for _ in range(70):
        rig.look(after_s=1)
    (one,) = [one for one in rig.standings() if one.trigger == "signals-silent"]
    assert (one.state, one.detail) == ("unknown", "signals have not been read for a minute")


@pytest.mark.parametrize(
    ("facts", "fires"),
    [
        ({"count": 10, "zero": 10}, ["signals-zero"]),
        ({"count": 10, "zero": 9}, []),
        ({"count": 9, "zero": 9}, []),
        ({"timed": 5, "latency_us": 10_000_000}, ["signal-latency"]),
        ({"timed": 5, "latency_us": 9_900_000}, []),
        ({"timed": 4, "latency_us": 99_000_000}, []),
    ],
)
def test_signals_of_no_confidence_and_late_ones_fire(
    facts: dict[str, int], fires: list[str]
) -> None:
    rig = Market()
    rig.said(**facts)
    for _ in range(20):
        rig.look()
    assert rig.alarms() == [], "one reading, however often it is looked at"
    for number in range(3):
        rig.said(**facts, newest_us=10 + number)
        rig.look()
    assert rig.alarms() == [(name, SCOPE) for name in fires]


@pytest.mark.django_db
def test_signals_are_read_by_each_triggers_window() -> None:
    account = VenueAccount.objects.create(name="paper-1", venue="P", adapter="x", address="x:1")
    row = Strategy.objects.create(
        key=KEY, kind="momentum", owner="mercy.okafor", account=account, symbols=["EURUSD"],
        size_notional=1,
    )  # fmt: skip
    on_floor(strategies=[row])
    now = dt.datetime.now(dt.UTC)
    for number, (ago_s, direction, confidence, latency_s) in enumerate(
        [(700, 1, 0.5, 1), (300, 0, 0.0, 2), (30, -1, 0.0, 40), (2000, 1, 0.9, 1)]
    ):
        Signal.objects.create(
            id=f"n{number}", strategy=row, symbol="EURUSD", direction=direction, score=1,
            confidence=confidence, horizon_s=1, price=D(1), feed_time=now,
            created_at=now - dt.timedelta(seconds=ago_s), latency_us=latency_s * 1_000_000,
        )  # fmt: skip
    windows = {"sized-zero": 800, "signals-zero": 400, "signal-latency": 100}
    found = activity_read(windows, 5 * NS)
    assert (found.signals, found.orders, found.read_ns) == ({KEY: 2}, {}, 5 * NS)
    newest = int((now - dt.timedelta(seconds=30)).timestamp() * 1_000_000)
    made = found.made[KEY]
    assert (made.count, made.zero, made.timed, made.latency_us) == (2, 2, 1, 40_000_000)
    assert abs(made.newest_us - newest) <= 1
    assert activity_read({}, 1).made == {}
