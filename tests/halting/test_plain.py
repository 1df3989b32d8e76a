"""Plain halts under load: none of them leaks, and none has anything in flight."""

import itertools
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from tests.halting.judge import leaks, met_load, sent_twice
from tests.halting.load import ACCOUNTS, STRATEGIES, SYMBOLS
from tests.halting.rig import Rig
from trading import clock

PLAIN = 1_500
WITHIN_S = 150


class Halter:
    """Callers that halt and lift, each its own scopes, until so many halts have met load."""

    def __init__(self, rig: Rig, count: int, within_s: float) -> None:
        self._rig = rig
        self._left = count
        self._until = time.monotonic() + within_s
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
            while not self._rig.flows(scope, since):
                if self._over():
                    return
                time.sleep(0.004)
            halt = self._rig.halt(scope, cancels=number % 3 == 0)
            self._rig.lift(halt)
            since = clock.boot_ns()
            with self._lock:
                self._left -= 1
            time.sleep(pause_s)

    def _over(self) -> bool:
        return self._left <= 0 or time.monotonic() > self._until


def test_no_plain_halt_leaks(rig: Rig) -> None:
    Halter(rig, PLAIN + PLAIN // 20, WITHIN_S).run()
    log = rig.venue_log()
    assert leaks(rig.halts, log) == []
    assert sent_twice(log) == []
    assert rig.lost() == []
    latched = [one for one in rig.halts if not one.effective]
    assert latched == []
    assert [one for one in rig.halts if one.in_flight] == []
    assert len(met_load(rig.halts, log)) >= PLAIN
