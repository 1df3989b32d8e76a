"""Cash over the wire: fees that are late in the log, funding, and both told once."""

from decimal import Decimal
from pathlib import Path

from tests.venues.kraken_rig import KrakenRig, played, reader_rests
from tests.venues.venue_contract import Desk
from trading.clock import NS, wall_ns
from trading.messages import Side
from trading.papervenue.protocol import InjectFill
from trading.venues import ccxt_ledger
from trading.venues.base import Filled, KnownFills
from trading.venues.ccxt_venue import CcxtVenue

PERP = "BTCUSDT-PERP"


def venue(desk: Desk) -> CcxtVenue:
    assert isinstance(desk.venue, CcxtVenue)
    return desk.venue


async def moves(desk: Desk) -> list[tuple[str, str, Decimal, str]]:
    return [
        (one.kind, one.currency, one.amount, one.symbol) for one in await venue(desk).cash_moved()
    ]


async def bought(rig: KrakenRig, desk: Desk) -> Filled:
    before = len(desk.said(Filled))
    desk.send(Side.BUY, "1", "SPY")
    while len(desk.said(Filled)) == before:
        await rig.settle(desk)
    return desk.said(Filled)[-1]


def real_fee(rig: KrakenRig) -> Decimal:
    lines = rig.server.cash.lines("paper-1", rig.server._all_fills("paper-1"), 2**62)
    return max(Decimal(one["fee"]) for one in lines)


def test_a_fee_that_is_late_in_the_log_is_waited_for(tmp_path: Path) -> None:
    async def scene(rig: KrakenRig) -> None:
        await rig.quote("SPY", "500.00", "500.02")
        desk = await rig.desk()
        rig.server.cash.log_lag_ns = NS // 5
        fill = await bought(rig, desk)
        assert fill.fee == real_fee(rig) > 0
        assert rig.server.requests.count("account-log") <= 2, "asked again once, when it is due"
        assert await moves(desk) == []

    played(tmp_path, scene)


def test_a_fee_by_the_rates_is_made_good_once_the_log_tells(tmp_path: Path) -> None:
    async def scene(rig: KrakenRig) -> None:
        await rig.quote("SPY", "500.00", "500.02")
        desk = await rig.desk()
        rig.server.cash.log_lag_ns = 3600 * NS
        fill = await bought(rig, desk)
        assert await moves(desk) == []
        rig.server.cash.log_lag_ns = 0
        assert fill.fee != real_fee(rig), "or nothing is shown"
        assert await moves(desk) == [("fee", "USD", fill.fee - real_fee(rig), "SPY")]
        assert await moves(desk) == []

    played(tmp_path, scene)


def test_a_fee_is_waited_for_by_the_venues_clock_and_a_moment_only(tmp_path: Path) -> None:
    async def scene(rig: KrakenRig) -> None:
        await rig.quote("SPY", "500.00", "500.02")
        await rig.move_clock(3_600_000)
        desk = await rig.desk()
        rig.server.cash.log_lag_ns = 3600 * NS
        begun = wall_ns()
        await bought(rig, desk)
        assert wall_ns() - begun >= ccxt_ledger.FEE_WAIT_NS - NS // 10
        assert rig.server.requests.count("account-log") == 2

    played(tmp_path, scene)


def test_a_fee_that_was_read_of_before_its_execution_was_listed_is_not_guessed(
    tmp_path: Path,
) -> None:
    async def scene(rig: KrakenRig) -> None:
        await rig.quote("SPY", "500.00", "500.02")
        desk = await rig.desk()
        await reader_rests(desk)
        injected = InjectFill(
            id=0, account="paper-1", symbol="SPY", side="buy", quantity="1", price="500"
        )
        rig.server.exchange.inject(injected, wall_ns())
        rig.server.settle()
        assert await moves(desk) == []
        rig.server.faults.limited_paths = {"account-log"}
        (fill,) = await desk.venue.fills_since(0)
        assert fill.fee == real_fee(rig)
        assert await venue(desk).fills_since(1) == []

    played(tmp_path, scene)


def test_funding_is_told_once_also_after_a_restart(tmp_path: Path) -> None:
    async def scene(rig: KrakenRig) -> None:
        await rig.quote(PERP, "61000.0", "61000.5")
        desk = await rig.desk()
        desk.send(Side.BUY, "1", PERP)
        await rig.settle(desk)
        assert await moves(desk) == [], "a trade is no movement of its own"
        cash = (await desk.venue.balances())["USDT"]
        rig.server.cash.funding["paper-1"] = [(wall_ns(), PERP, Decimal("-12.5"))]
        assert (await desk.venue.balances())["USDT"] == cash - Decimal("12.5")
        (told,) = await venue(desk).cash_moved()
        assert (told.kind, told.currency, told.amount, told.symbol) == (
            "funding", "USDT", Decimal("-12.5"), PERP,
        )  # fmt: skip
        venue(desk).fills_known(KnownFills(0, {}, 0, told.log_id))
        assert await moves(desk) == [], "what is written down is not told again"
        venue(desk).fills_known(KnownFills(0, {}, 0, 0, wall_ns() - 60 * NS))
        assert [one[0] for one in await moves(desk)] == ["funding"], "what is not, is"

    played(tmp_path, scene)


def test_an_account_too_busy_for_one_page_of_its_log_is_read_to_the_end(
    tmp_path: Path,
) -> None:
    async def scene(rig: KrakenRig) -> None:
        await rig.quote("SPY", "500.00", "500.02")
        desk = await rig.desk()
        many = [(wall_ns(), PERP, Decimal(number + 1)) for number in range(1_200)]
        rig.server.cash.funding["paper-1"] = many
        assert [one[2] for one in await moves(desk)] == [one[2] for one in many]

    played(tmp_path, scene)
