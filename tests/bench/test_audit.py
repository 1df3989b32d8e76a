"""The audit benchmark measures the verifier on an export that it takes for whole."""

from pathlib import Path

import pytest

from scripts.bench import bench_audit


def test_its_export_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_audit, "ENTRIES", 2_000)
    figure = bench_audit._verified(tmp_path)
    assert figure.name == "verification of 2,000 entries"
    assert figure.value > 0
