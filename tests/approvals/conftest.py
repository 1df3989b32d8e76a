"""The watched kind, for every test here."""

from collections.abc import Iterator

import pytest

from riskctl.approvals.kinds import KINDS
from tests.approvals import people


@pytest.fixture(autouse=True)
def _watched_kind(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(KINDS, people.WATCHED, people.KIND)
    monkeypatch.setitem(people.STATE, "quantities", {"paper-1": {"EURUSD": "100"}})
    monkeypatch.setitem(people.STATE, "breaks", [])
    yield
    people.DONE.clear()
    people.MISSING.clear()
    people.REFUSAL.clear()
