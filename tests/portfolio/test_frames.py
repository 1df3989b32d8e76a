"""Frames are whole, exact, and say what they do not know."""

import datetime as dt
import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from tests.portfolio.builders import (
    FEED_NOON_NS,
    NOON,
    alive,
    books,
    decimals,
    entry,
    position_row,
    reading,
    strategy_row,
)
from trading.portfolio.books import AccountRow, Books, LeaseRow, PositionRow, SignalRow
from trading.portfolio.frames import View, desk_frame
from trading.portfolio.market import Market
from trading.portfolio.pipeline import pipeline_frame
from trading.portfolio.results import OrdersRow, TripsRow
from trading.universe import UNIVERSE

FEED_STATE = {
    "session": "s1", "spec": "replay:x.csv.gz", "speed": "max", "status": "running", "seq": 5,
    "read": 12, "accepted": 10, "refused": {"crossed": 2}, "gaps": 0,
    "symbols": {"EURUSD": {"read": 12, "accepted": 10, "gap": 0, "refused": {"crossed": 2}}},
}  # fmt: skip


def view(**changes: Any) -> View:
    market = Market(UNIVERSE)
    market.on_entries([entry([("EURUSD", "1.15998", "1.16002", FEED_NOON_NS)])])
    values: dict[str, Any] = {
        "now": NOON, "books": books(), "market": market, "universe": UNIVERSE, "stages": alive(),
        "feed_state": FEED_STATE, "redis_ms": 0.08,
    }  # fmt: skip
    return View(**{**values, **changes})


def desk(**changes: Any) -> dict[str, Any]:
    """As a page receives it."""
    frame: dict[str, Any] = json.loads(msgspec.json.encode(desk_frame(view(**changes), 7)))
    return frame


def only(frame: dict[str, Any]) -> dict[str, Any]:
    (strategy,) = frame["strategies"]
    assert isinstance(strategy, dict)
    return strategy


def test_the_desk_frame_in_full() -> None:
    held = position_row(quantity="1000.000000000000", cost=Decimal("1152.40"), fees=Decimal("0.5"),
                        realised=Decimal("12.345"), fills=3)  # fmt: skip
    signal = SignalRow("EURUSD", -1, 0.62, NOON - dt.timedelta(seconds=2), NOON)
    frame = desk(
        books=books(
            positions=(held,),
            signals={"mom-eurusd": signal},
            orders_open={("mom-eurusd", "paper-1"): 2},
            baselines={"mom-eurusd": Decimal(10)},
            lines={"mom-eurusd": decimals(0, "1.005")},
            limits={
                "firm": {"gross-notional": Decimal(75000)},
                "mom-eurusd": {"gross-notional": Decimal(11600), "open-orders": Decimal(5)},
            },
            trips={"mom-eurusd": TripsRow(won=2, ended=3)},
            orders={"mom-eurusd": OrdersRow(Decimal("-0.2149"), Decimal("0.971"))},
        ),
        triggers={
            "triggers": [
                {
                    "name": "strategy-drawdown",
                    "scope": "strategy:mom-eurusd",
                    "value": "1.25",
                    "state": "ok",
                },
                {
                    "name": "drawdown",
                    "scope": "firm",
                    "value": "0.3123",
                    "threshold": "5",
                    "state": "ok",
                },
                *(
                    {
                        "name": "margin",
                        "scope": f"venue:{name}",
                        "value": value,
                        "threshold": "75",
                        "share": share,
                        "state": "ok",
                    }
                    for name, value, share in (("a", "10", "0.1"), ("b", "38.2", "0.5"))
                ),
            ]
        },
    )
    assert frame == {
        "topic": "desk",
        "seq": 7,
        "as_of": "2026-11-21T12:00:00.000000Z",
        "firm": {
            "state": "ACTIVE",
            "why": "",
            "mode": "ACTIVE",
            "holds": 0,
            "on": 0,
            "hold": None,
        },
        "dead_man": None,
        "triggers": {
            "as_of": None,
            "shadow": False,
            "ok": 4,
            "warning": 0,
            "breach": 0,
            "unknown": 0,
            "near": [],
        },
        "waiting": 0,
        "waiting_mark": "",
        "glass": [],
        "alerting": "dead",
        "books": {"as_of": "2026-11-21T12:00:00.000000Z", "age_ms": 0, "status": "fresh"},
        "gauges": {
            "drawdown": {"value": "0.31", "most": "5"},
            "margin": {"value": "38.2", "most": "75"},
            "gross": {"value": None, "most": "75000"},
        },
        "pnl_since": "2026-11-21T00:00:00.000000Z",
        "feed": {
            "clock": "2014-05-02T12:00:00.000000Z",
            "speed": "max",
            "state": "running",
            "age_ms": 0,
            "spec": "replay:x.csv.gz",
        },
        "totals": {
            "pnl_today": "9.44",
            "realised": "12.34",
            "unrealised": "7.60",
            "fees": "0.50",
            "gross": "1160.00",
            "net": "1160.00",
            "fills": 3,
            "orders_open": 2,
            "strategies": 1,
            "active": 1,
            "held": 0,
            "unknown": 0,
            "unmarked": [],
            "marked": {
                "pnl_today": "9.44",
                "unrealised": "7.60",
                "gross": "1160.00",
                "net": "1160.00",
            },
        },
        "marks": {"EURUSD": "1.160000"},
        "strategies": [
            {
                "key": "mom-eurusd",
                "kind": "momentum",
                "owner": "mercy.okafor",
                "account": "paper-1",
                "venue": "Paper One",
                "live": False,
                "state": "ACTIVE",
                "why": "",
                "mode": "ACTIVE",
                "own": False,
                "holds": [],
                "stage": {
                    "rung": "live",
                    "factor": "1",
                    "since": "2026-11-21T12:00:00.000000Z",
                },
                "alerts": [],
                "pnl": "9.44",
                "realised": "12.34",
                "unrealised": "7.60",
                "fees": "0.50",
                "gross": "1160.00",
                "net": "1160.00",
                "real": None,
                "accounts": [
                    {
                        "account": "paper-1",
                        "venue": "Paper One",
                        "rehearsal": False,
                        "pnl": "9.44",
                        "gross": "1160.00",
                        "net": "1160.00",
                        "orders_open": 2,
                    }
                ],
                "position": [
                    {
                        "symbol": "EURUSD",
                        "account": "paper-1",
                        "rehearsal": False,
                        "quantity": "1000",
                        "average_price": "1.1524",
                        "mark": "1.160000",
                        "unrealised": "7.60",
                        "mark_age_ms": 0,
                    }
                ],
                "orders_open": 2,
                "limit": {"kind": "open-orders", "share": "0.4"},
                "drawdown": "1.25",
                "hit": "66.67",
                "trips": 3,
                "slippage_bp": "-0.21",
                "filled": "97.1",
                "fills": 3,
                "last_signal": {
                    "symbol": "EURUSD",
                    "direction": -1,
                    "confidence": 0.62,
                    "at": "2026-11-21T11:59:58.000000Z",
                    "feed_time": "2026-11-21T12:00:00.000000Z",
                    "age_ms": 2000,
                },
                "data_age_ms": 0,
                "data": "fresh",
                "line": ["0.00", "1.00"],
            }
        ],
    }


def test_a_position_without_a_price_is_unknown_everywhere() -> None:
    held = (position_row(), position_row("mr-spy", "SPY", "10"))
    frame = desk(
        books=books(
            strategies=(strategy_row(), strategy_row("mr-spy", "SPY")),
            positions=held,
        )
    )
    spy = frame["strategies"][1]
    for figure in ("pnl", "unrealised", "gross", "net"):
        assert spy[figure] is None
        assert frame["totals"]["pnl_today" if figure == "pnl" else figure] is None
    assert spy["position"][0]["mark"] is None
    assert spy["position"][0]["quantity"] == "10"
    assert (spy["state"], spy["why"]) == ("UNKNOWN", "no price for SPY yet")
    assert (spy["data"], spy["data_age_ms"]) == ("dead", None)
    assert frame["totals"]["unmarked"] == ["SPY"]
    assert frame["totals"]["marked"]["gross"] == "1160.00"
    assert frame["totals"]["realised"] == "0.00"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"stages": {}}, "gateway paper-1 sent no heartbeat; shard 0 sent no heartbeat"),
        ({"stages": alive(connected="0")}, "gateway paper-1 is not connected to its venue"),
        ({"stages": alive(licence_ms="0")}, "gateway paper-1 has no licence"),
        ({"stages": alive(shard=1)}, "shard 0 sent no heartbeat"),
        (
            {"stages": {**alive(), "broker": [reading("broker", "paper-1", "dead")]}},
            "gateway paper-1 sent no heartbeat for 9 s",
        ),
        ({"feed_state": {**FEED_STATE, "status": "ended"}}, "the feed has ended"),
        (
            {"now": NOON + dt.timedelta(seconds=31)},
            "the feed is silent for over 30 s; positions were last read 31 s ago",
        ),
        ({"books": books(as_of=None)}, "positions were never read"),
    ],
)
def test_unknown_says_why(changes: dict[str, Any], why: str) -> None:
    frame = desk(**changes)
    assert (only(frame)["state"], only(frame)["why"]) == ("UNKNOWN", why)
    assert frame["totals"]["active"] == 0


def test_a_stale_price_makes_its_strategy_unknown() -> None:
    market = Market(UNIVERSE)
    market.on_entries(
        [
            entry([("EURUSD", "1.1", "1.2", FEED_NOON_NS)]),
            entry([("SPY", "668", "669", FEED_NOON_NS + 40 * 10**9)]),
        ]
    )
    strategy = only(desk(market=market))
    assert (strategy["data"], strategy["data_age_ms"]) == ("stale", 40_000)
    assert strategy["why"] == "price of EURUSD is over 30 s old"


def test_nothing_read_yet_is_an_empty_frame() -> None:
    empty = view(books=Books(), market=Market(UNIVERSE), stages={}, feed_state={})
    frame = desk_frame(empty, 1)
    assert frame["books"] == {"as_of": None, "age_ms": None, "status": "dead"}
    assert frame["strategies"] == []
    assert frame["feed"]["state"] == "waiting"
    assert frame["feed"]["clock"] is None
    pipeline = pipeline_frame(empty, 1)
    assert pipeline["services"][0] == {"name": "database", "status": "dead", "ms": None}
    assert {one["status"] for one in pipeline["stages"]} == {"dead"}


def test_there_is_no_minus_zero() -> None:
    held = position_row(quantity="0", realised=Decimal("-0.001"))
    assert only(desk(books=books(positions=(held,))))["realised"] == "0.00"


def test_the_pipeline_frame() -> None:
    lease = LeaseRow("gateway:paper-1", "gateway", "h:1:2", 4, NOON + dt.timedelta(seconds=2))
    old = reading("broker", "paper-2", "dead", heartbeat_ms=8_000)
    stages = alive()
    stages["broker"].append(old)
    frame = pipeline_frame(
        view(
            stages=stages,
            books=books(
                leases=(lease,),
                watchdog_at=NOON - dt.timedelta(seconds=4),
                accounts=(
                    AccountRow("paper-1", "Paper One", live=False),
                    AccountRow("paper-2", "Paper Two", live=False),
                ),
            ),
        ),
        3,
    )
    assert [one["stage"] for one in frame["stages"]] == [
        "feed", "data-ingestor", "indicator-engine", "signal-generator", "risk-manager",
        "execution-engine", "broker",
    ]  # fmt: skip
    broker = frame["stages"][6]
    assert (broker["instances"], broker["status"], broker["heartbeat_ms"]) == (2, "dead", 8_000)
    assert broker["rate"] == "10.0"
    assert frame["feeds"] == [
        {
            "symbol": "EURUSD", "age_ms": 0, "status": "fresh", "quotes": 10,
            "rejected": {"crossed": 2}, "bid": "1.15998", "ask": "1.16002", "source": "",
            "backup": False, "withheld": False, "note": "",
        }
    ]  # fmt: skip
    assert (frame["feed"]["skew_ms"], frame["feed"]["problems"]) == ({}, {})
    assert frame["feed"]["quotes"] == frame["feed"]["published"] + 2
    assert frame["leases"][0]["expires_ms"] == 2_000
    one, two = frame["gateways"]
    assert (one["state"], one["licence_ms"], one["fencing_token"]) == ("licensed", 180, 4)
    assert (two["state"], two["licence_ms"], two["connected"]) == ("dead", None, None)
    assert [(one["name"], one["status"]) for one in frame["services"]] == [
        ("database", "fresh"), ("redis", "fresh"), ("watchdog", "late"),
    ]  # fmt: skip
    json.loads(msgspec.json.encode(frame))


def test_a_silent_database_tells_nothing_of_the_watchdog() -> None:
    read = books(as_of=NOON - dt.timedelta(seconds=60), watchdog_at=NOON)
    services = pipeline_frame(view(books=read), 1)["services"]
    assert services[0]["ms"] is None
    assert services[2] == {"name": "watchdog", "status": "dead", "ms": None}


PAIR = (AccountRow("paper-1", "Paper One", live=True), AccountRow("paper-2", "Two", live=True))


def of_accounts(*positions: PositionRow, **changes: Any) -> dict[str, tuple[Any, Any, Any]]:
    """PnL, gross and net by account of a strategy that trades on both."""
    row = strategy_row(account="paper-1", second_account="paper-2", second_venue="Two")
    read = books(accounts=PAIR, strategies=(row,), positions=positions, **changes)
    found = only(desk(books=read))["accounts"]
    return {one["account"]: (one["pnl"], one["gross"], one["net"]) for one in found}


def test_each_leg_of_a_pair_is_on_its_own_account() -> None:
    legs = (
        position_row(cost=Decimal(1150)),
        position_row(quantity="-3000", account="paper-2", cost=Decimal(-3480)),
    )
    assert of_accounts(*legs) == {
        "paper-1": (None, "1160.00", "1160.00"), "paper-2": (None, "3480.00", "-3480.00"),
    }  # fmt: skip
    assert of_accounts(legs[0], baselines={"mom-eurusd": Decimal(4)}) == {
        "paper-1": ("6.00", "1160.00", "1160.00"), "paper-2": ("0.00", "0.00", "0.00"),
    }  # fmt: skip


def test_an_account_on_which_nothing_moved_today_made_nothing_today() -> None:
    held = position_row(cost=Decimal(1150))
    left = position_row(quantity="0", account="paper-2", realised=Decimal(70))
    since = NOON.replace(hour=0)
    base = {"mom-eurusd": Decimal(74)}
    before = replace(left, updated_at=since - dt.timedelta(seconds=1))
    found = of_accounts(held, before, baselines=base)
    assert [one[0] for one in found.values()] == ["6.00", "0.00"]
    found = of_accounts(held, replace(left, updated_at=since), baselines=base)
    assert [one[0] for one in found.values()] == [None, None], "closed today: whose is what?"
    earlier = replace(before, account="paper-9")
    assert list(of_accounts(held, earlier, baselines=base)) == ["paper-1", "paper-2"]
