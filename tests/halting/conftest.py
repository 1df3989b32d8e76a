"""One rig for all drills: it costs some ten seconds to start, and its load ends with them."""

from collections.abc import Iterator

import pytest

from tests.halting.rig import Rig


@pytest.fixture(scope="package")
def whole_rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    made = Rig(tmp_path_factory.mktemp("halting"))
    yield made
    made.close()


@pytest.fixture
def rig(whole_rig: Rig) -> Iterator[Rig]:
    """The rig with its load flowing, and its account of halts empty; no worker ends by itself."""
    whole_rig.wait_flow(60)
    whole_rig.fresh_halts()
    yield whole_rig
    whole_rig.lift_all()
    ended = whole_rig.relaunch_ended()
    assert ended == [], f"workers that ended by themselves: {ended}, see their logs in the home"
