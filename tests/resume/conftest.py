"""The desk, healthy."""

import pytest

from tests.resume.desk import RestartDesk


@pytest.fixture
def desk(db: None, monkeypatch: pytest.MonkeyPatch) -> RestartDesk:
    return RestartDesk(monkeypatch)
