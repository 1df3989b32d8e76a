"""One desk page for half an hour at ten frames a second: its work and its memory. `make test-all`.

``HALTLINE_LONG_S`` makes it shorter for whoever tries it.
"""

import os
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User
from playwright.sync_api import CDPSession, Page
from redis import Redis

from tests.pages.conftest import open_session
from tests.pages.frames import Publisher, strategy_line
from tests.pages.web import Chromium, Visitor, Web, visiting
from trading.models import Strategy

pytestmark = [pytest.mark.browser, pytest.mark.long, pytest.mark.django_db(transaction=True)]
LONG_S = float(os.environ.get("HALTLINE_LONG_S", "1800"))
STEPS = 60
STRATEGIES = 20
MOST_WORK = 0.3
MOST_SLOPE = 0.05
"""Growth of the heap over the whole time, of what it was: what collecting leaves is noise."""


def moving(step: int) -> list[dict[str, Any]]:
    return [
        strategy_line(f"mom-{n:02}", pnl=f"{step * (n - 9) / 7:.2f}", gross=f"{step % 977}.00")
        for n in range(STRATEGIES)
    ]


class Watched:
    """The page's own figures, by Chromium's protocol."""

    def __init__(self, page: Visitor) -> None:
        self._page = page
        self._link: CDPSession = page.do(self._open)

    @staticmethod
    def _open(page: Page) -> CDPSession:
        link = page.context.new_cdp_session(page)
        link.send("Performance.enable", {"timeDomain": "threadTicks"})  # work, not waiting for it
        return link

    def read(self) -> dict[str, float]:
        def metrics(_: Page) -> dict[str, float]:
            self._link.send("HeapProfiler.collectGarbage")
            found = self._link.send("Performance.getMetrics")["metrics"]
            return {one["name"]: float(one["value"]) for one in found}

        return self._page.do(metrics)


@pytest.mark.timeout(LONG_S + 300)
def test_a_page_works_little_and_its_memory_does_not_grow(
    web: Web, chromium: Chromium, ada: User, books: list[Strategy], redis: Redis
) -> None:
    with (
        Publisher(redis, every_s=0.1, moves=moving),
        visiting(chromium, web.url, open_session(ada)) as visit,
    ):
        desk = visit("/")
        desk.wait_for_state("live")
        desk.wait(f"document.querySelectorAll('#strategies tbody tr').length === {STRATEGIES}")
        watched = Watched(desk)
        read = [watched.read()]
        for _ in range(STEPS):
            desk.pause(LONG_S / STEPS)
            read.append(watched.read())
        assert desk.text("[data-band=frame-rate]") in ("9 Hz", "10 Hz", "11 Hz")
    busy = (read[10]["TaskDuration"] - read[0]["TaskDuration"]) / (10 * LONG_S / STEPS)
    assert busy < MOST_WORK, f"{busy:.0%} of a core"
    heaps = [one["JSHeapUsedSize"] for one in read[1:]]
    slope = np.polyfit(np.linspace(0, 1, len(heaps)), heaps, 1)[0] / heaps[0]
    assert slope < MOST_SLOPE, f"grew by {slope:.1%} over {LONG_S:.0f} s"
    assert read[-1]["Nodes"] <= read[1]["Nodes"] * 1.05
    assert desk.complaints == []
