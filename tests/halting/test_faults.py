"""Halts while things fail: none leaks, none is lost, and what was called effective stayed so.

Each event hits what it hits once and several halts at once meet it. None of these faults may keep
a patient caller from a proof.
"""

import time

import pytest

from tests.halting.faults import FAULTS
from tests.halting.judge import leaks, replayed, sent_twice
from tests.halting.load import ACCOUNTS, STRATEGIES, SYMBOLS
from tests.halting.rig import Rig

EVENTS, HALTS = 4, 10
PATIENCE_S = 10.0
"""A busy machine commits late; how soon a stop is proven is measured elsewhere."""
SETTLE_S = 0.6
"""Longer than any licence, and than any order may be under way, once all is well again."""


def scopes(number: int) -> list[str]:
    """All but one of strategies, and one that spans them."""
    wide = ["firm", f"venue:{ACCOUNTS[number % 2]}", f"instrument:{SYMBOLS[number % len(SYMBOLS)]}"]
    shifted = [STRATEGIES[(number + shift) % len(STRATEGIES)] for shift in range(HALTS - 1)]
    return [*(f"strategy:{one}" for one in shifted), wide[number % len(wide)]]


def drill(rig: Rig, name: str, events: int) -> None:
    for number in range(events):
        rig.wait_flow(60)
        with FAULTS[name](rig, number):
            halts = rig.halt_all(scopes(number), cancels=number % 2 == 1, patience_s=PATIENCE_S)
        unproven = [one.receipt["unproven"] for one in halts if not one.effective]
        assert unproven == [], f"{name} {number}: {unproven}"
        time.sleep(SETTLE_S)
        rig.lift_all()
    log = rig.venue_log()
    assert leaks(rig.halts, log) == []
    assert replayed(rig.halts, log, rig.load.born) == []
    assert sent_twice(log) == []
    assert rig.lost() == []
    assert len(rig.halts) == events * HALTS
    if name == "gateway_frozen_between_check_and_write":
        assert rig.late, "no order came late: what refuses it was not tried"


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.timeout(300)
def test_no_halt_leaks_or_is_lost(rig: Rig, name: str) -> None:
    drill(rig, name, EVENTS)
