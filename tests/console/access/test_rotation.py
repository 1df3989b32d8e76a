"""Rotating the sealing keys: everything anew, resumable after kill -9, old keys out when unused."""

import base64
import io
import json
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as project
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from pytest_django import Settings

from audit.key_source import key_store
from audit.keys import KeyStoreError
from audit.models import Entry
from audit.sealing import key_of
from console.access.rotation import key_use, keys_prepare, keys_rotate
from console.models import Authenticator
from riskctl.actors import shell_actor
from tests.console.conftest import entries
from tests.support.processes import Started, start_python
from trading.venues.credentials import credentials_keys, read_credentials

SHELL = shell_actor("ops")
KEYS = {"key": "k-1", "secret": "very-secret-text"}


@pytest.fixture
def file(tmp_path: Path, settings: Settings) -> Path:
    settings.KEYS_FOLDER = tmp_path / "keys"
    settings.VENUE_CREDENTIALS_FILE = tmp_path / "venue-credentials.json"
    (tmp_path / "venue-credentials.json").write_text(json.dumps({"paper-1": KEYS}))
    return tmp_path / "venue-credentials.json"


def people(count: int) -> dict[str, str]:
    """User name -> seed in hex, of as many people with an authenticator each."""
    made = {f"person-{number}": f"{number:040x}" for number in range(count)}
    for name, seed in made.items():
        user = User.objects.create(username=name)
        Authenticator.objects.create(user=user, name="phone", key=seed, confirmed=True)
    return made


def seeds() -> dict[str, str]:
    return {one.user.username: one.bin_key.hex() for one in Authenticator.objects.all()}


def said(*arguments: str) -> str:
    out = io.StringIO()
    call_command("keys_rotate", *arguments, stdout=out)
    return out.getvalue()


@pytest.mark.django_db
def test_everything_is_sealed_under_the_new_key_and_the_old_one_retires(file: Path) -> None:
    wanted = people(5)
    old = key_store().current()
    done = keys_rotate(actor=SHELL, credentials=file, batch=2)
    assert done.current != old
    assert (done.seeds, done.credentials, done.retired, done.kept) == (5, 1, (old,), {})
    assert key_store().ids() == (done.current,)
    assert set(key_use(file)) == {done.current}
    assert seeds() == wanted
    assert read_credentials(file, "paper-1") == KEYS


@pytest.mark.django_db
def test_each_step_is_in_the_record_and_no_secret_is(file: Path) -> None:
    wanted = people(3)
    old = key_store().current()
    text = said("--batch", "2")
    new = key_store().current()
    assert [one["object_id"] for one in entries("keys.make")] == [new]
    counts = [(one["after"]["what"], one["after"]["count"]) for one in entries("keys.reseal")]
    assert counts == [("factor-seed", 2), ("factor-seed", 1), ("venue-credentials", 1)]
    assert [one["object_id"] for one in entries("keys.retire")] == [old]
    whole = text + "".join(bytes(one.body).decode() for one in Entry.objects.all())
    folder = Path(project.KEYS_FOLDER)
    raw = [one.read_text().strip() for one in folder.rglob("*.key")]
    assert len(raw) == 2
    for secret in (*wanted.values(), KEYS["secret"], *raw):
        assert secret not in whole


@pytest.mark.django_db
def test_the_first_run_makes_the_first_key(file: Path, settings: Settings) -> None:
    settings.PRODUCTION = True
    assert "current key k000001-" in said()
    assert set(credentials_keys(file).values()) == {key_store().current()}


@pytest.mark.django_db
def test_without_a_new_key_only_what_is_due_is_sealed(file: Path) -> None:
    people(2)
    said()
    current = key_store().current()
    assert "sealed anew: 0 seeds, 0 venue accounts" in said("--no-new-key")
    assert key_store().ids() == (current,)


@pytest.mark.django_db
def test_what_does_not_open_stops_it_and_its_key_stays(file: Path) -> None:
    people(2)
    old = key_store().current()
    first, second = Authenticator.objects.order_by("pk")
    Authenticator.objects.filter(pk=second.pk).update(key=first.key)
    with pytest.raises(CommandError, match="factor-seed of user:"):
        said("--batch", "1")
    assert old in key_store().ids()
    assert key_of(Authenticator.objects.get(pk=second.pk).key) == old


@pytest.mark.django_db
def test_keys_of_the_environment_are_rotated_by_giving_another(
    file: Path, settings: Settings
) -> None:
    one, two = (base64.b64encode(bytes([number] * 32)).decode() for number in (1, 2))
    settings.KEYS, settings.SEALING_KEYS = "environment", f"a:{one}"
    wanted = people(2)
    said("--no-new-key")
    with pytest.raises(CommandError, match="made outside"):
        said()
    settings.SEALING_KEYS = f"a:{one},b:{two}"
    text = said()
    assert "went on" in text
    assert "kept a: nothing uses a: take it out of HALTLINE_SEALING_KEYS" in text
    settings.SEALING_KEYS = f"b:{two}"
    assert seeds() == wanted
    assert read_credentials(file, "paper-1") == KEYS


@pytest.mark.django_db
def test_a_production_starts_with_a_first_key_and_not_without_the_keys_it_needs(
    file: Path, settings: Settings
) -> None:
    settings.PRODUCTION = True
    file.unlink()
    keys_prepare(actor=SHELL, credentials=file)
    (first,) = key_store().ids()
    assert [one["object_id"] for one in entries("keys.make")] == [first]
    keys_prepare(actor=SHELL, credentials=file)
    assert key_store().ids() == (first,)
    people(1)
    keys = Path(project.KEYS_FOLDER)
    (keys / f"{first}.key").rename(keys.parent / "lost")
    with pytest.raises(KeyStoreError, match=f"missing: {first}"):
        keys_prepare(actor=SHELL, credentials=file)
    assert key_store().ids() == ()
    (keys.parent / "lost").rename(keys / f"{first}.key")
    (keys / f"{first}.key").chmod(0o644)
    with pytest.raises(KeyStoreError, match="open to others"):
        keys_prepare(actor=SHELL, credentials=file)


@pytest.mark.django_db
def test_a_batch_of_nothing_is_refused(file: Path) -> None:
    with pytest.raises(CommandError, match="--batch"):
        said("--batch", "0")


def _until(what: Any) -> None:
    end = time.monotonic() + 60
    while not what():
        assert time.monotonic() < end
        time.sleep(0.02)


def _rotating() -> Started:
    facts = connection.settings_dict
    database = "postgres://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**facts)
    environ = {
        **os.environ, "DATABASE_URL": database, "HALTLINE_HOME": str(project.KEYS_FOLDER.parent),
        "HALTLINE_ENV": "demo", "HALTLINE_SECRET_KEY": project.SECRET_KEY,
    }  # fmt: skip
    return start_python("manage.py", "keys_rotate", "--batch", "1", env=environ, read=True)


@pytest.mark.django_db(transaction=True)
def test_it_goes_on_after_kill_9_with_everything_open_meanwhile(file: Path) -> None:
    wanted = people(6)
    old = key_store().current()
    rows = list(Authenticator.objects.order_by("pk"))
    with transaction.atomic():
        Authenticator.objects.select_for_update().get(pk=rows[3].pk)  # here it has to wait
        running = _rotating()
        try:
            _until(lambda: _under_new(old) == 3 or running.poll() is not None)
            assert running.poll() is None, running.stdout and running.stdout.read()
        finally:
            running.send_signal(signal.SIGKILL)
            running.wait(30)
            assert running.stdout is not None
            running.stdout.close()
    made = key_store().current()
    assert key_store().ids() == (old, made)
    assert seeds() == wanted  # half under the one, half under the other

    done = keys_rotate(actor=SHELL, credentials=file, batch=1)
    assert done.went_on
    assert (done.current, done.seeds, done.retired) == (made, 3, (old,))
    assert seeds() == wanted
    assert [one["object_id"] for one in entries("keys.make")] == [made]


def _under_new(old: str) -> int:
    return Authenticator.objects.exclude(key__startswith=f"hl1.{old}.").count()


@pytest.mark.django_db(transaction=True)
def test_no_key_retires_while_somebody_seals_under_it(file: Path) -> None:
    """One read the current key before the rotation and commits after it has sealed all the rest."""
    people(1)
    old = key_store().current()
    late = User.objects.create(username="late")
    done: list[Any] = []

    def rotate() -> None:
        try:
            done.append(keys_rotate(actor=SHELL, credentials=file))
        finally:
            connection.close()

    thread = threading.Thread(target=rotate)
    with transaction.atomic():
        Authenticator.objects.create(user=late, name="phone")
        thread.start()
        _until(_somebody_waits_for_the_seal)
    thread.join(60)
    (rotation,) = done
    assert rotation.kept == {old: "opens 1"}
    assert len(seeds()) == 2
    again = keys_rotate(actor=SHELL, credentials=file)
    assert again.went_on
    assert (again.current, again.seeds, again.retired) == (rotation.current, 1, (old,))


def _somebody_waits_for_the_seal() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        return bool(cursor.fetchone()[0])
