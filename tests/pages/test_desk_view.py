"""What the desk's address chooses, sessions of markets, and the register. No browser."""

import datetime as dt
from decimal import Decimal
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.access.visible import Sight
from console.live.reduced import reduced
from console.pages import deskview, marketclock, register
from console.pages.frames import Gauge, Gauges, LimitUse, StrategyLine, Totals
from tests.pages.frames import desk_frame, strategy_line

UTC = dt.UTC


def line(key: str, **changes: object) -> StrategyLine:
    values: dict[str, object] = {"kind": "momentum", "owner": "mercy.okafor", "account": "paper-1"}
    return StrategyLine(key=key, **{**values, **changes})  # type: ignore[arg-type]


LINES = [
    line("a", pnl=Decimal(3), limit=LimitUse("gross-notional", Decimal("0.9")), state="HALTED"),
    line("b", pnl=None, owner="tomas.brandt"),
    line("c", pnl=Decimal(-5), account="paper-2", limit=LimitUse("open-orders", Decimal("0.1"))),
    line("d", pnl=Decimal(10)),
]


@pytest.mark.parametrize(
    ("asked", "keys"),
    [
        ("", "abcd"), ("sort=-key", "dcba"), ("sort=pnl", "cadb"), ("sort=-pnl", "dacb"),
        ("show=mine", "acd"), ("show=near", "a"), ("show=held", ""), ("q=PAPER-2", "c"),
        ("q=halted momentum", "a"), ("q=t. brandt", "b"), ("q=nothing", ""),
        ("sort=nonsense&show=nonsense", "abcd"), ("sort=-limit", "acbd"),
    ],
)  # fmt: skip
def test_the_address_chooses_and_orders(asked: str, keys: str) -> None:
    view = deskview.view_of(dict(parse_qsl(asked)))
    names = {"tomas.brandt": "T. Brandt"}
    found = deskview.shown(view, LINES, names, "mercy.okafor")
    assert "".join(one.key for one in found) == keys


@given(
    st.builds(
        deskview.DeskView,
        sort=st.sampled_from(sorted(deskview.SORTS)),
        down=st.booleans(),
        show=st.sampled_from(deskview.SHOWS),
        query=st.text(max_size=20).map(str.strip),
    )
)
def test_a_view_s_address_says_it_again(view: deskview.DeskView) -> None:
    assert deskview.view_of(dict(parse_qsl(view.address()[1:]))) == view


@pytest.mark.parametrize(
    ("moment", "said"),
    [
        ("2026-11-25 15:00", "FX open 2 d 7 h left|NYSE open 6 h 0 m left|CME open 7 h 0 m left"),
        ("2026-11-26 15:00", "FX open 1 d 7 h left|NYSE closed in 23 h 30 m|CME open 3 h 0 m left"),
        ("2026-11-27 17:59:30", "FX open 4 h 0 m left|NYSE open 30 s left|CME open 30 s left"),
        ("2026-11-28 12:00", "FX closed in 1 d 10 h|NYSE closed in 2 d 2 h|CME closed in 1 d 11 h"),
        (
            "2014-05-02 12:00",
            "FX open 9 h 0 m left|NYSE closed in 1 h 30 m|CME open 9 h 15 m left",
        ),
        ("2021-12-31 15:00", "FX open 7 h 0 m left|NYSE open 6 h 0 m left|CME open 7 h 0 m left"),
    ],
)
def test_sessions_are_of_the_markets_own_clocks(moment: str, said: str) -> None:
    at = dt.datetime.fromisoformat(moment).replace(tzinfo=UTC)
    *found, crypto = marketclock.sessions_of(at)
    assert "|".join(f"{one.word} {one.sub}" for one in found) == said
    assert (crypto.word, crypto.sub) == ("Crypto open", "open 24 h")
    assert [one.sub for one in marketclock.sessions_of(None)] == ["–"] * 4


def test_tiles_say_phases_and_what_trades_there() -> None:
    tiles = {
        one.now.name: one
        for one in marketclock.tiles_of(dt.datetime(2026, 11, 27, 2, 45, tzinfo=UTC))
    }
    assert (tiles["TSE"].now.word, tiles["TSE"].now.sub) == ("TSE break", "in 45 m")
    assert tiles["NASDAQ"].instruments == "AAPL, MSFT"


def test_the_register_stands_beside_the_most_that_may_be() -> None:
    now = dt.datetime(2026, 11, 26, 16, 2, tzinfo=UTC)
    figures = {one.name: one for one in register.figures_of(None, now, {})}
    assert {one.value for one in figures.values()} == {"–"}
    assert register._share(Totals(gross=Decimal(53)).gross, Decimal(75)) is not None
    gauges = Gauges(drawdown=Gauge(Decimal("0.62"), Decimal(2)))
    drop = register._gauge("drawdown", "", gauges.drawdown.value, Decimal(2), places=2)
    assert (drop.value, drop.sub, drop.bar.text) == ("−0.62", "of 2 %", "31 %")
    over = register._gauge("margin", "", Decimal(80), Decimal(75), places=0)
    assert (over.bar.width, over.bar.near) == ("46", "over")


def test_the_firm_s_gauges_are_for_who_sees_everything() -> None:
    frame = desk_frame(strategy_line("a"), strategy_line("b"), gauges={"drawdown": {}})
    assert "gauges" in reduced(frame, Sight(frozenset("ab")))
    assert "gauges" not in reduced(frame, Sight(frozenset("a")))
