"""The desk that these tests share."""

from collections.abc import Iterator

import pytest

from tests.support.desk import Desk, running_desk


@pytest.fixture(scope="package")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """The whole desk on simulated prices, started once, and gone before other tests need the
    machine."""
    with running_desk(tmp_path_factory.mktemp("desk") / "home", FEED="simulated") as running:
        yield running
