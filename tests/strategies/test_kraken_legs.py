"""The rule of two legs at real exchanges' own ways to fail, each on one of two accounts."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.krakenfutures.private import WRONG
from tests.strategies.kraken_legs import FIRST, PLACES, SECOND, KrakenLegs

Strike = Callable[[KrakenLegs], None]


def _server(leg: str, name: str, value: object) -> Strike:
    def strike(rig: KrakenLegs) -> None:
        faults = rig.legs[PLACES[leg]].server.faults
        setattr(faults, name, value)

    return strike


def _exchange(leg: str, **wanted: object) -> Strike:
    return lambda rig: rig.fault(leg, **wanted)


def _restart(strike: Strike, *after_s: float) -> Strike:
    """``strike``, and the shard starts anew so long after it."""

    def both(rig: KrakenLegs) -> None:
        strike(rig)
        for one in after_s:
            asyncio.get_running_loop().call_later(one, rig.start_shard)

    return both


FAULTS: dict[str, Strike] = {
    "too many requests": _server(SECOND, "limited", 6),
    "creates answered by nobody": _server(SECOND, "lose", {"sendorder": 3}),
    "readings answered by nobody": _server(SECOND, "lose", {"openorders": 3, "fills": 3}),
    "no word of what became of them": _server(
        FIRST, "lose", {"sendorder": 2, "orders/status": 2, "cancelorder": 2}
    ),
    "creates down": _server(FIRST, "status", {"sendorder": (503, "down")}),
    "nonsense": _server(SECOND, "status", {"openorders": (200, "<html>")}),
    "rejects": _exchange(SECOND, reject=3),
    "rejects all": _exchange(FIRST, reject=-1),
    "answers dropped": _exchange(FIRST, drop_answers=2),
    "slow": _exchange(SECOND, answer_delay_ms=900),
    "fills a part": _exchange(SECOND, fill_fraction=0.3),
    "fills nothing": _exchange(FIRST, fill_fraction=0.0),
    "stalls": lambda rig: rig.legs[PLACES[SECOND]].server.well.clear(),
    "slow, and the shard dies": _restart(_exchange(SECOND, answer_delay_ms=900), 0.4),
    "fills a part, and the shard dies": _restart(_exchange(FIRST, fill_fraction=0.3), 0.3, 1.3),
    "cuts": lambda rig: rig.legs[PLACES[SECOND]].server.cut(),
    **{f"stream {one}": _server(SECOND, "stream", one) for one in WRONG},
}
AT_ONCE = 11
"""Rigs in one process: more would be late by each other's work alone."""


async def _round(name: str, strike: Strike, home: Path, turn: asyncio.Semaphore) -> str:
    """What was wrong with the round, empty for nothing."""
    async with turn:
        rig = KrakenLegs(home)
        try:
            await rig.open()
            return await _played(rig, strike)
        finally:
            await rig.close()


async def _played(rig: KrakenLegs, strike: Strike) -> str:
    await rig.until(lambda: False, 2.5)
    strike(rig)
    rig.basis_bp = 60
    for _ in range(3):
        await rig.until(lambda: False, 1.0)
        if rig.open_s > 5 and not rig.held:
            return f"open for {rig.open_s} s, and no hold names it"
    rig.clear()
    at_rest = await rig.until(lambda: rig.flat or rig.paired or rig.held, 25)
    if not at_rest:
        return f"{rig.positions()}, open for {rig.open_s} s after the fault was over"
    if rig.held and not any(rig.named[-1].startswith(f"leg {one}") for one in PLACES):
        return f"held, naming {rig.named[-1]!r}"
    rig.lift()
    rig.basis_bp = 0
    if not await rig.until(lambda: (rig.flat or rig.paired) and not rig.unaccounted(), 25):
        return f"left: {rig.positions()}, {rig.unaccounted()}"
    return "" if rig.sent else "nothing was sent, so nothing was shown"


@pytest.mark.timeout(240)
def test_the_leg_rule_holds_under_every_fault_of_the_stand_in(tmp_path: Path) -> None:
    async def all_of_them() -> dict[str, str]:
        turn = asyncio.Semaphore(AT_ONCE)
        rounds = [
            _round(name, strike, tmp_path / f"{number}", turn)
            for number, (name, strike) in enumerate(FAULTS.items())
        ]
        return dict(zip(FAULTS, await asyncio.gather(*rounds), strict=True))

    wrong = {name: what for name, what in asyncio.run(all_of_them()).items() if what}
    assert wrong == {}


def test_without_a_fault_both_legs_are_filled_at_both_exchanges_kept_over_a_start_and_given_back(
    tmp_path: Path,
) -> None:
    async def calm() -> None:
        rig = KrakenLegs(tmp_path / "calm")
        await rig.open()
        try:
            await rig.until(lambda: False, 2.5)
            rig.basis_bp = 60
            assert await rig.until(lambda: rig.paired, 25), rig.positions()
            sent, cold = rig.sent, []
            rig.start_shard()

            def warm() -> bool:
                cold.append(rig.sent)
                return rig.warm

            assert await rig.until(warm, 25)
            assert set(cold[:-1]) == {sent}  # nothing is sold while nothing is known
            rig.basis_bp = 0
            assert await rig.until(lambda: rig.flat, 25), rig.positions()
            assert (rig.named, rig.unaccounted()) == ([], [])
        finally:
            await rig.close()

    asyncio.run(calm())
