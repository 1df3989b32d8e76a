"""Finding the desk, and who is at the shell."""

import json
import os
import shutil
import tempfile
from pathlib import Path

import pytest

from console.cli.codes import Code, EndError
from console.cli.home import CHECKOUT, find_desk, home_path, user_name
from riskctl.brakes_home import BrakesHome
from tests.cli.shell import haltline

NOBODY = 65534


def told(home: Path, text: str) -> None:
    (home / "run").mkdir()
    (home / "run" / "environment.json").write_text(text)


def test_the_home_is_that_of_the_environment_else_of_the_checkout(tmp_path: Path) -> None:
    assert home_path({"HALTLINE_HOME": str(tmp_path)}) == tmp_path
    assert home_path({}) == CHECKOUT / "var"
    assert home_path({"HALTLINE_HOME": ""}) == CHECKOUT / "var"


def test_what_the_desk_was_told_is_read(tmp_path: Path) -> None:
    told(tmp_path, json.dumps({"DATABASE_URL": "postgres://one", "PORT": "8123"}))
    found = find_desk({"HALTLINE_HOME": str(tmp_path), "DATABASE_URL": "postgres://another"})
    assert found.told == {"DATABASE_URL": "postgres://one", "PORT": "8123"}
    assert found.problem == ""


@pytest.mark.parametrize("text", ["{", "[]", ""])
def test_a_broken_file_keeps_nobody_from_stopping(tmp_path: Path, text: str) -> None:
    told(tmp_path, text)
    BrakesHome(tmp_path / "brakes").create()
    found = find_desk({"HALTLINE_HOME": str(tmp_path)})
    assert found.told == {}
    assert "environment.json" in found.problem


def test_no_desk_is_said(tmp_path: Path) -> None:
    with pytest.raises(EndError) as ended:
        find_desk({"HALTLINE_HOME": str(tmp_path / "none")})
    assert ended.value.code is Code.UNREACHABLE
    said = haltline(tmp_path / "none", "kill")
    assert (said.code, said.out) == (5, "")
    assert f"no desk's home at {tmp_path / 'none'}: name it in HALTLINE_HOME" in said.err
    assert not (tmp_path / "none").exists()


def test_a_user_without_a_name_has_a_number() -> None:
    assert user_name(0) == "root"
    assert user_name(4_000_000_000) == "uid-4000000000"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_what_root_keeps_belongs_to_the_desk() -> None:
    home = Path(tempfile.mkdtemp(prefix="haltline-theirs-"))
    try:
        BrakesHome(home / "brakes").create()
        (home / "brakes" / "control.key").write_text("known to the gateways")
        for path in (home, *home.rglob("*")):
            os.chown(path, NOBODY, NOBODY)
        said = haltline(home, "kill", "-o", "json")
        assert (said.code, said.json["status"]) == (3, "latched"), said.err
        (kept,) = (home / "brakes" / "pending").glob("*.json")
        assert kept.stat().st_uid == NOBODY
        assert json.loads(kept.read_text())["hold"]["placed_by"] == "shell:root"
    finally:
        shutil.rmtree(home)
