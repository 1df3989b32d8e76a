"""The same judges over many more halts: ``make drill-long``."""

import pytest

from tests.halting.faults import FAULTS
from tests.halting.rig import Rig
from tests.halting.test_faults import drill
from tests.halting.test_plain import plain_halts

pytestmark = pytest.mark.drill


@pytest.mark.timeout(3_600)
def test_no_plain_halt_leaks_in_ten_thousand(rig: Rig) -> None:
    plain_halts(rig, 10_000, within_s=1_800)


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.timeout(3_600)
def test_no_halt_leaks_or_is_lost_in_many_events(rig: Rig, name: str) -> None:
    drill(rig, name, 25)
