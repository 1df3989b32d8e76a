"""The whole suite in three lanes, each with PostgreSQL and Redis of its own.

Two of them keep the two cores busy; the third has the tests that mostly wait, for a lease to end or
a process to come back, and would leave a core idle meanwhile; then it helps with what is short.

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
WAITING = (
    "tests/workers/test_outages.py", "tests/feeds/test_hosted.py", "tests/workers/test_hosting.py",
    "tests/portfolio/test_loop.py", "tests/workers/test_sequencer.py",
    "tests/strategies/test_shard_process.py", "tests/triggers/test_live.py",
    "tests/workers/test_watchdog.py", "tests/workers/test_tasks.py",
    "tests/supervisor/test_start_errors.py", "tests/console/test_server.py",
    "tests/console/test_outage.py", "tests/supervisor/test_services.py",
    "tests/papervenue/test_process.py", "tests/ladder/test_shard.py",
)  # fmt: skip
"""Groups of the last lane, until the others have nothing else to do."""
LONGEST_FIRST = (
    "desk", "pages", *WAITING, "halting", "tests/desk/test_stops.py",
    "tests/supervisor/test_smoke.py", "tests/console/access/test_matrix.py",
    "tests/cli/test_stops.py", "tests/approvals/test_races.py", "tests/triggers/test_market.py",
    "tests/console/access/test_door.py",
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
    """xdist's scheduler of whole scopes, with groups as scopes and a lane of those that wait."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)

    def _assign_work_unit(self, node: Any) -> None:
        mine = self._next(waits=node.gateway.id == f"gw{self.numnodes - 1}")
        if mine is None:
            node.shutdown()  # it ends what it has
            return
        self.workqueue.move_to_end(mine, last=False)
        super()._assign_work_unit(node)

    def _next(self, *, waits: bool) -> str | None:
        """What waits, then what is short, from the end; to the other lanes what is long first."""
        left = list(self.workqueue)
        if waits:
            short = (one for one in reversed(left) if one not in LONGEST_FIRST)
            return next((one for one in left if one in WAITING), next(short, None))
        return next((one for one in left if one not in WAITING), left[0])


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
