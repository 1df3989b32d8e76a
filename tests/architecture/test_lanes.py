"""What shares something started once runs in one lane, with services of its own."""

import json
import os
from pathlib import Path

import pytest

from tests.support.lanes import LONGEST_FIRST, TOGETHER, group_of
from tests.support.services import LANES_VARIABLE

PROJECT = Path(__file__).resolve().parents[2]


def shared_fixtures(item: pytest.Item) -> dict[str, str]:
    """Fixtures of more than a file that a test uses, by name: the folder that has them."""
    info = getattr(item, "_fixtureinfo", None)
    definitions = info.name2fixturedefs if info else {}
    return {
        name: found[-1].baseid
        for name, found in definitions.items()
        if found[-1].scope in ("package", "session") and found[-1].baseid.startswith("tests")
    }


def test_what_is_started_once_is_started_in_one_lane(request: pytest.FixtureRequest) -> None:
    """The fixtures of every run, of Django's and of a lane's own, are no desks."""
    users: dict[tuple[str, str], set[str]] = {}
    for item in request.session.items:
        for name, folder in shared_fixtures(item).items():
            if not name.startswith(("_", "django_", "tmp_")):
                users.setdefault((folder, name), set()).add(group_of(item.nodeid))
    assert {one: groups for one, groups in users.items() if len(groups) > 1} == {}


@pytest.mark.parametrize("path", [*TOGETHER, *(one for one in LONGEST_FIRST if "/" in one)])
def test_the_table_names_what_there_is(path: str) -> None:
    assert (PROJECT / path).exists()


def test_a_lane_has_its_own_services() -> None:
    lane = os.environ.get("PYTEST_XDIST_WORKER")
    lanes = json.loads(os.environ.get(LANES_VARIABLE, "[]"))
    if lane is None:
        assert lanes == []
        return
    own = lanes[int(lane.removeprefix("gw"))]
    assert {name: os.environ[name] for name in own} == own
    assert len({one["DATABASE_URL"] for one in lanes}) == len(lanes)
