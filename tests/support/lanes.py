"""The whole suite in two lanes, one a core: each has PostgreSQL and Redis of its own.

A pytest plugin, to be loaded by ``-p`` before Django's settings read the environment. Tests that
share something started once (a desk, a rig, a browser) stay together in one lane, and what takes
longest begins first, so that both lanes end at about the same time.
"""

import json
import os
from collections.abc import Generator

import pytest

from tests.support.services import LANES_VARIABLE

TOGETHER = ("tests/halting", "tests/pages")
"""Folders whose fixtures serve the whole folder."""
LONGEST_FIRST = ("desk", "tests/halting")
"""Groups that begin before all others, in this order."""


def _take_services() -> None:
    lane = os.environ.get("PYTEST_XDIST_WORKER", "")
    if lane and LANES_VARIABLE in os.environ:
        os.environ.update(json.loads(os.environ[LANES_VARIABLE])[int(lane.removeprefix("gw"))])


def group_of(item: pytest.Item) -> str:
    """Tests of one group run in one lane, one after the other."""
    if "desk" in getattr(item, "fixturenames", ()):
        return "desk"
    path = item.nodeid.partition("::")[0]
    return next((folder for folder in TOGETHER if path.startswith(f"{folder}/")), path)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Generator[None]:
    """Groups before the lanes read them; the order after it was shuffled."""
    groups = {id(item): group_of(item) for item in items}
    for item in items:
        item.add_marker(pytest.mark.xdist_group(groups[id(item)]))
    yield
    first = {name: number for number, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: first.get(groups[id(item)], len(first)))


_take_services()
