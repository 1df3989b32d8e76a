"""A desk of real workers on the test database, with the leases that a test asks for."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from riskctl.leases import leases_lay
from tests.workers.desk import Desk


@pytest.fixture
def desk(transactional_db: None, tmp_path: Path) -> Iterator[Desk]:
    (tmp_path / "run").mkdir()
    leases_lay(names=["steady:0", "steady:1"])
    made = Desk(tmp_path)
    yield made
    made.close()
