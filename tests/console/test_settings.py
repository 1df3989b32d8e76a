"""What settings refuse to start with, each tried in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

SOUND = {
    "HALTLINE_ENV": "production",
    "HALTLINE_SECRET_KEY": "k3y-made-of-many-different-signs-0123456789-abcdefghij-KLMNO",
    "HALTLINE_TLS": "proxy",
    "HALTLINE_HOSTS": "desk.example",
}


def started(command: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """``manage.py command`` under sound production settings with ``changes``; "" removes one."""
    env = {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": os.environ.get("DATABASE_URL", ""),
        "REDIS_URL": settings.REDIS_URL,
        "HALTLINE_HOME": str(settings.HALTLINE_HOME),
    }
    env |= SOUND | changes
    return subprocess.run(
        [sys.executable, "manage.py", *command.split()],
        cwd=settings.BASE_DIR,
        env={name: value for name, value in env.items() if value},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"HALTLINE_SECRET_KEY": ""}, "HALTLINE_SECRET_KEY"),
        ({"HALTLINE_SECRET_KEY": "short"}, "HALTLINE_SECRET_KEY"),
        ({"DEBUG": "on"}, "DEBUG"),
        ({"HALTLINE_TLS": ""}, "HALTLINE_TLS"),
        ({"HALTLINE_TLS": "off"}, "HALTLINE_TLS"),
        ({"HALTLINE_TLS": "on"}, "HALTLINE_TLS_CERT"),
        ({"HALTLINE_HOSTS": ""}, "HALTLINE_HOSTS"),
        ({"HALTLINE_ENV": "prod"}, "HALTLINE_ENV"),
        ({"HALTLINE_ENV": "demo", "HALTLINE_TLS": "maybe"}, "HALTLINE_TLS"),
    ],
)
def test_an_unsafe_start_is_refused_and_says_what_is_wrong(
    changes: dict[str, str], named: str
) -> None:
    done = started("check", **changes)
    assert done.returncode != 0
    last = done.stderr.strip().splitlines()[-1]
    assert "ImproperlyConfigured" in last
    assert named in last


def test_a_sound_production_passes_the_deploy_check_without_a_warning() -> None:
    done = started("check --deploy --fail-level WARNING")
    assert done.returncode == 0, done.stderr


def test_the_secret_may_come_from_a_file(tmp_path: Path) -> None:
    where = tmp_path / "secret"
    where.write_text(SOUND["HALTLINE_SECRET_KEY"])
    done = started("check", HALTLINE_SECRET_KEY="", HALTLINE_SECRET_KEY_FILE=str(where))
    assert done.returncode == 0, done.stderr


def test_under_tls_cookies_are_bound_to_the_host() -> None:
    done = started(
        "diffsettings --output unified",
    )
    for line in (
        "+ SESSION_COOKIE_NAME = '__Host-sessionid'",
        "+ CSRF_COOKIE_NAME = '__Host-csrftoken'",
        "+ SESSION_COOKIE_SECURE = True",
        "+ CSRF_COOKIE_SECURE = True",
        "+ SECURE_SSL_REDIRECT = True",
    ):
        assert line in done.stdout
