"""A shell reads the same things from the same places as the console does."""

import json
import subprocess
import sys
from pathlib import Path

from tests.support.desk import PROJECT

SAME = (
    "HALTLINE_HOME", "BRAKES_HOME", "CONTROL_KEY", "SIGNING_KEY", "SIGNING_KEY_FILE", "USE_TZ",
    "TIME_ZONE",
)  # fmt: skip
WHERE = ("ENGINE", "NAME", "USER", "PASSWORD", "HOST", "PORT")
PRINT = """
import importlib, json, sys
found = importlib.import_module(sys.argv[1])
names, where = json.loads(sys.argv[2]), json.loads(sys.argv[3])
database = found.DATABASES["default"]
print(json.dumps([str(getattr(found, n)) for n in names] + [str(database[n]) for n in where]))
"""


def values(module: str, environ: dict[str, str]) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", PRINT, module, json.dumps(SAME), json.dumps(WHERE)],
        cwd=PROJECT, env=environ, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    return list(json.loads(done.stdout))


def test_they_are_the_consoles(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("of a file")
    environ = {
        "HALTLINE_HOME": str(tmp_path),
        "DATABASE_URL": "postgres://haltline:secret@db.example:5433/desk",
        "HALTLINE_CONTROL_KEY_FILE": str(tmp_path / "key"),
        "HALTLINE_SIGNING_KEY": "a key",
    }
    ours = values("console.cli.settings", environ)
    assert ours == values("console.settings", environ)
    assert "of a file" in ours
    assert "db.example" in ours


def test_a_productions_secrets_are_not_needed_to_stop(tmp_path: Path) -> None:
    environ = {"HALTLINE_HOME": str(tmp_path), "HALTLINE_ENV": "production"}
    assert str(tmp_path / "brakes") in values("console.cli.settings", environ)
