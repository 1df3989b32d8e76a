"""The launcher in ``.venv``: made by installing, quick to start."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import install
from tests.support.desk import PROJECT

HEAVY = (
    "rest_framework",
    "channels",
    "celery",
    "redis",
    "numpy",
    "rich",
    "pydantic",
    "asgiref.wsgi",
)
LOADED = """
import json, sys
from console.cli.__main__ import main
code = main(["kill"])
print(json.dumps([code, sorted(sys.modules)]))
"""


def test_a_stop_waits_for_nothing_heavy(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED], cwd=PROJECT, env={"HALTLINE_HOME": str(tmp_path)},
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    code, loaded = json.loads(done.stdout)
    assert code == 5  # there is no desk: found out once everything is imported
    assert "riskctl.placing" in loaded
    assert [name for name in HEAVY if name in loaded] == []
    assert not {"audit.models", "riskctl.models", "trading.models"} & set(loaded)


def test_it_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install, "LAUNCHER", tmp_path / "haltline")
    install.install_launcher()
    made = (tmp_path / "haltline").stat()
    assert made.st_mode & 0o111 == 0o111
    install.install_launcher()
    assert (tmp_path / "haltline").stat().st_ino == made.st_ino
    (tmp_path / "haltline").write_text("of an older checkout")
    install.install_launcher()
    assert "console.cli" in (tmp_path / "haltline").read_text()


def test_it_names_no_place_of_this_machine() -> None:
    assert str(PROJECT) not in install.LAUNCHER.read_text()


def test_make_leads_to_it() -> None:
    done = subprocess.run(
        [sys.executable, "scripts/bootstrap.py", "haltline", "halt", "--scope", "nothing"],
        cwd=PROJECT, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert "'--scope'" in done.stderr
