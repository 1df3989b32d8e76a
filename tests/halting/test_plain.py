"""Plain halts under load: none of them leaks.

On a busy machine the venue is now and then too slow to answer what is on its way before the gateway
acknowledges: such orders, by their own recorded times, are what a receipt's list is of.
"""

import itertools
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.halting.judge import Entry, leaks, met_load, replayed, sent_twice
from tests.halting.load import ACCOUNTS, BUSY_NS, CALM_NS, STRATEGIES, SYMBOLS
from tests.halting.rig import Rig
from trading import clock
from trading.gateway.answers import SETTLE_S

PLAIN = 1_500
WITHIN_S = 300
PATIENCE_S = 10.0
"""So that a busy machine makes no halt doubtful: how soon they are effective is a benchmark's."""


class Halter:
    """Callers that halt and lift, each its own scopes, until so many halts have met load."""

    def __init__(self, rig: Rig, count: int, until: float) -> None:
        self._rig = rig
        self._left = count
        self._until = until
        self._lock = threading.Lock()

    def run(self) -> None:
        scopes: list[list[str]] = [[f"strategy:{one}"] for one in STRATEGIES]
        scopes.append(["firm", *(f"venue:{one}" for one in ACCOUNTS)])
        scopes.append([f"instrument:{one}" for one in SYMBOLS])
        with ThreadPoolExecutor(len(scopes)) as callers:
            list(callers.map(lambda own: self._halt(own, 0.0 if len(own) == 1 else 0.6), scopes))

    def _halt(self, scopes: list[str], pause_s: float) -> None:
        since = 0
        for number, scope in enumerate(itertools.cycle(scopes)):
            while not self._over() and not self._rig.flows(scope, since):
                time.sleep(0.004)
            if self._over():
                return
            halt = self._rig.halt(scope, cancels=number % 3 == 0, patience_s=PATIENCE_S)
            self._rig.lift(halt)
            since = clock.boot_ns()
            with self._lock:
                self._left -= 1
            time.sleep(pause_s)

    def _over(self) -> bool:
        return self._left <= 0 or time.monotonic() > self._until


def plain_halts(rig: Rig, count: int, within_s: float) -> None:
    """Halt until ``count`` halts have met load, and judge them all."""
    until = time.monotonic() + within_s
    log: list[Entry] = []
    while time.monotonic() < until and (left := count - len(met_load(rig.halts, log))) > 0:
        Halter(rig, left + left // 20, until).run()
        log = rig.venue_log()
    assert leaks(rig.halts, log) == []
    assert replayed(rig.halts, log, rig.load.born) == []
    assert sent_twice(log) == []
    assert rig.lost() == []
    assert [one.receipt["unproven"] for one in rig.halts if not one.effective] == []
    listed = rig.answer_ms(one for halt in rig.halts for one in halt.in_flight)
    quick = {one: ms for one, ms in listed.items() if ms < SETTLE_S * 1_000}
    # A gateway that its host kept from its turn has not read what was there: now and then one.
    assert len(quick) <= count // 20, quick
    assert len(listed) <= count // 2  # as many as are under way, were nothing waited for
    assert len(met_load(rig.halts, log)) >= count


@pytest.mark.timeout(420)
def test_no_plain_halt_leaks(rig: Rig) -> None:
    rig.load.pace(BUSY_NS)
    try:
        plain_halts(rig, PLAIN, WITHIN_S)
    finally:
        rig.load.pace(CALM_NS)
