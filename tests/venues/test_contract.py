"""Every adapter passes the same contract."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.venues.kraken_rig import KrakenRig
from tests.venues.rigs import LockstepRig, Rig, TcpRig, VenueProcess, redis_url
from tests.venues.terms_cases import CASES
from tests.venues.venue_contract import Case

_NEVER_REST = "its market orders and triggered stops take what is shown and end"
OTHERWISE_AT_KRAKEN = {
    "a_market_order_left_over_takes_the_next_quotes": _NEVER_REST,
    "a_stop_waits_for_its_price_and_takes_the_market": _NEVER_REST,
    "a_triggered_stop_stays_triggered_over_a_kill": _NEVER_REST,
    "a_triggered_stop_goes_with_the_working_orders": _NEVER_REST,
    "a_venue_that_stops_answering_times_out_and_refuses_what_is_late": "the late answer of a"
    " connection that was given up is never heard: the order is asked for",
    "positions_and_balances_are_the_sum_of_the_fills": "it does not say what flowed",
}
"""Cases that Kraken Futures answers otherwise; test_kraken.py says how."""


@asynccontextmanager
async def _rig(name: str, home: Path) -> AsyncIterator[Rig]:
    if name == "lockstep":
        made = LockstepRig(home / "venue.sqlite3")
        yield made
        made.exchange.close()
    elif name == "kraken":
        kraken = KrakenRig(home / "venue.sqlite3")
        await kraken.open()
        try:
            yield kraken
        finally:
            await kraken.shut()
    else:
        process = VenueProcess(home, redis_url())
        yield TcpRig(process)
        process.close()


PLAYED = [
    (case, name)
    for case in CASES
    for name in ("tcp", "lockstep", "kraken")
    if name != "kraken" or case.__name__ not in OTHERWISE_AT_KRAKEN
]


def test_every_exception_is_a_case() -> None:
    assert set(OTHERWISE_AT_KRAKEN) <= {case.__name__ for case in CASES}


@pytest.mark.parametrize(
    ("case", "name"), PLAYED, ids=[f"{case.__name__}-{name}" for case, name in PLAYED]
)
def test_contract(case: Case, name: str, tmp_path: Path) -> None:
    async def play() -> None:
        async with _rig(name, tmp_path) as rig:
            await case(rig)

    asyncio.run(play())
