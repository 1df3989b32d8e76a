"""Every adapter passes the same contract."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.venues.protection_cases import CASES
from tests.venues.rigs import LockstepRig, Rig, TcpRig, VenueProcess, redis_url
from tests.venues.venue_contract import Case


@pytest.fixture(params=["tcp", "lockstep"])
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    if request.param == "lockstep":
        made = LockstepRig(tmp_path / "venue.sqlite3")
        yield made
        made.exchange.close()
        return
    process = VenueProcess(tmp_path, redis_url())
    yield TcpRig(process)
    process.close()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_contract(case: Case, rig: Rig) -> None:
    async def play() -> None:
        await case(rig)

    asyncio.run(play())
