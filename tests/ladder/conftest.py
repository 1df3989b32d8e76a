"""The desk of tests.resume, healthy."""

import pytest

from tests.approvals import people
from tests.resume.desk import RestartDesk
from tests.support.people import enrolled_where_used


@pytest.fixture(autouse=True)
def _enrolled(request: pytest.FixtureRequest) -> None:
    enrolled_where_used(request, *people.EVERYBODY)


@pytest.fixture
def desk(db: None, monkeypatch: pytest.MonkeyPatch) -> RestartDesk:
    return RestartDesk(monkeypatch)
