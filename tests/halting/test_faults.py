"""Halts while things fail: none leaks, none is lost, and what was called effective stayed so.

Each event hits what it hits once and several halts at once meet it. A halt that could not be proven
says so (latched, and names the gateway): that is honest, and what then happens is not judged a
leak; but what may be latched is said per fault.
"""

import time

import pytest

from tests.halting.faults import FAULTS
from tests.halting.judge import leaks, sent_twice
from tests.halting.load import ACCOUNTS, STRATEGIES, SYMBOLS
from tests.halting.rig import Rig

EVENTS, HALTS = 5, 8
SETTLE_S = 0.6
"""Longer than any licence, and than any order may be under way, once all is well again."""

MAY_LATCH = {
    # Its successor listens within a second; the caller waits for 0.7 s.
    "gateway_killed", "guard_killed",
    # Nobody can prove anything of a gateway that cannot be told while no database answers.
    "database_slow",
}  # fmt: skip


def scopes(number: int) -> list[str]:
    """Seven of strategies and one that spans them."""
    wide = ["firm", f"venue:{ACCOUNTS[number % 2]}", f"instrument:{SYMBOLS[number % len(SYMBOLS)]}"]
    shifted = [STRATEGIES[(number + shift) % len(STRATEGIES)] for shift in range(HALTS - 1)]
    return [*(f"strategy:{one}" for one in shifted), wide[number % len(wide)]]


def drill(rig: Rig, name: str, events: int) -> None:
    for number in range(events):
        rig.wait_flow(60)
        with FAULTS[name](rig, number):
            halts = rig.halt_all(scopes(number), cancels=number % 2 == 1)
        if name not in MAY_LATCH:
            unproven = [one.receipt["unproven"] for one in halts if not one.effective]
            assert unproven == [], f"{name} {number}: {unproven}"
        time.sleep(SETTLE_S)
        rig.lift_all()
    log = rig.venue_log()
    assert leaks(rig.halts, log) == []
    assert sent_twice(log) == []
    assert rig.lost() == []
    assert len(rig.halts) == events * HALTS


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.timeout(300)
def test_no_halt_leaks_or_is_lost(rig: Rig, name: str) -> None:
    drill(rig, name, EVENTS)
