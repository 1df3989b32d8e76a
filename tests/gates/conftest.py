"""A strategy on real money whose gates can be laid one by one."""

import pytest

from tests.approvals import people
from tests.gates.desk import GateDesk
from tests.support.people import enrolled_where_used


@pytest.fixture(autouse=True)
def _enrolled(request: pytest.FixtureRequest) -> None:
    enrolled_where_used(request, *people.EVERYBODY)


@pytest.fixture
def desk(db: None, monkeypatch: pytest.MonkeyPatch) -> GateDesk:
    return GateDesk(monkeypatch)
