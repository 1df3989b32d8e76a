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
    "HALTLINE_KEYS": "file",
    "HALTLINE_AUDIT_WITNESS": "https://witness.example",
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
        ({"HALTLINE_KEYS": ""}, "HALTLINE_KEYS"),
        ({"HALTLINE_KEYS": "somewhere"}, "HALTLINE_KEYS"),
        ({"HALTLINE_KEYS": "environment"}, "HALTLINE_SEALING_KEYS"),
        ({"HALTLINE_KEYS": "pkcs11"}, "HALTLINE_PKCS11_MODULE"),
        ({"HALTLINE_KEYS": "pkcs11", "HALTLINE_PKCS11_MODULE": "m"}, "HALTLINE_PKCS11_TOKEN"),
        ({"HALTLINE_AUDIT_WITNESS": ""}, "HALTLINE_AUDIT_WITNESS"),
        ({"HALTLINE_AUDIT_WITNESS": "", "HALTLINE_AUDIT_ANCHORS": "a,a"}, "HALTLINE_AUDIT_ANCHORS"),
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


def test_a_second_file_is_an_anchor_as_well() -> None:
    done = started("check", HALTLINE_AUDIT_WITNESS="", HALTLINE_AUDIT_ANCHORS="/a/one,/b/two")
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


KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="


@pytest.mark.parametrize(
    "changes",
    [
        {"HALTLINE_KEYS": "file"},
        {"HALTLINE_KEYS": "environment", "HALTLINE_SEALING_KEYS": f"2026:{KEY}"},
        {
            "HALTLINE_KEYS": "pkcs11",
            "HALTLINE_PKCS11_MODULE": "/nowhere/module.so",
            "HALTLINE_PKCS11_TOKEN": "haltline",
            "HALTLINE_PKCS11_PIN": "123456",
        },
    ],
)
def test_a_decided_source_of_keys_is_taken(changes: dict[str, str]) -> None:
    done = started("check", **changes)
    assert done.returncode == 0, done.stderr


def test_sealing_keys_and_pin_may_come_from_files(tmp_path: Path) -> None:
    keys, pin = tmp_path / "keys", tmp_path / "pin"
    keys.write_text(f"2026:{KEY}")
    pin.write_text("123456")
    done = started(
        "check", HALTLINE_KEYS="environment", HALTLINE_SEALING_KEYS_FILE=str(keys),
        HALTLINE_PKCS11_PIN_FILE=str(pin),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def _differing(**changes: str) -> str:
    """Settings that are not Django's own, a line each."""
    done = started("diffsettings --output unified", **changes)
    assert done.returncode == 0, done.stderr
    return done.stdout


PROXY_HEADER = "+ SECURE_PROXY_SSL_HEADER = ('HTTP_X_FORWARDED_PROTO', 'https')"


def test_tls_by_a_proxy_believes_the_proxys_word() -> None:
    assert PROXY_HEADER in _differing(HALTLINE_TLS="proxy")


def test_tls_that_ends_here_believes_no_header(tmp_path: Path) -> None:
    for name in ("cert.pem", "key.pem"):
        (tmp_path / name).write_text("")
    said = _differing(
        HALTLINE_TLS="on", HALTLINE_TLS_CERT=str(tmp_path / "cert.pem"),
        HALTLINE_TLS_KEY=str(tmp_path / "key.pem"),
    )  # fmt: skip
    assert "SECURE_PROXY_SSL_HEADER = ('" not in said.replace("+ ", "")
    for line in ("+ SECURE_SSL_REDIRECT = True", "+ SECURE_HSTS_SECONDS = 31536000",
                 "+ SECURE_HSTS_PRELOAD = True", "+ SESSION_COOKIE_SECURE = True"):  # fmt: skip
        assert line in said


def test_without_tls_a_demo_sets_nothing_that_needs_it() -> None:
    said = _differing(HALTLINE_ENV="demo", HALTLINE_TLS="off")
    for name in ("SECURE_SSL_REDIRECT = True", "__Host-", PROXY_HEADER, "COOKIE_SECURE = True"):
        assert name not in said


def test_a_demo_keeps_its_keys_in_files_unless_told_otherwise() -> None:
    assert "+ KEYS = 'file'" in _differing(HALTLINE_ENV="demo", HALTLINE_KEYS="")
