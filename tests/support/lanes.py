"""The whole suite in two lanes, one a core: each has PostgreSQL and Redis of its own.

A pytest plugin, named in PYTEST_PLUGINS: so it is there before Django's settings read the
environment, in every lane. A file of tests stays whole, and so do files that share something
started once (a desk, a rig, a browser). What takes longest begins first, so that lanes end at about
the same time.
"""

import gc
import json
import os
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from tests.support.services import LANES_VARIABLE

TOGETHER = {
    "tests/desk/test_first_minutes.py": "desk",
    "tests/desk/test_kill.py": "desk",
    "tests/desk/test_outages.py": "desk",
    "tests/desk/test_story.py": "desk",
    "tests/halting/": "halting",
    "tests/pages/": "pages",
}
"""Where a path begins so, its tests are of this group."""
LONGEST_FIRST = (
    "desk", "halting", "pages", "tests/desk/test_stops.py", "tests/feeds/test_hosted.py",
    "tests/workers/test_outages.py", "tests/console/access/test_matrix.py",
    "tests/triggers/test_market.py", "tests/cli/test_stops.py",
    "tests/workers/test_hosting.py", "tests/portfolio/test_loop.py",
    "tests/supervisor/test_smoke.py",
)  # fmt: skip
"""Groups that begin before all others, in this order."""


def _take_services() -> None:
    lane = os.environ.get("PYTEST_XDIST_WORKER", "")
    if lane and LANES_VARIABLE in os.environ:
        os.environ.update(json.loads(os.environ[LANES_VARIABLE])[int(lane.removeprefix("gw"))])


def group_of(nodeid: str) -> str:
    """Tests of one group run in one lane, one after the other."""
    path = nodeid.partition("::")[0]
    return next((name for head, name in TOGETHER.items() if path.startswith(head)), path)


class Lanes(LoadScopeScheduling):
    """xdist's scheduler of whole scopes, with groups as scopes."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Lanes:
    return Lanes(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """After they were shuffled."""
    first = {name: number for number, name in enumerate(LONGEST_FIRST)}
    items.sort(
        key=lambda item: (
            first.get(group_of(item.nodeid), len(first)),
            bool(item.get_closest_marker("last")),
        )
    )


def pytest_collection_finish() -> None:
    """What was collected stays to the end: garbage is not looked for in it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


_take_services()
