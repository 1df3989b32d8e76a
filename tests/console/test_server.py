"""The web server on an inherited socket: a real process with a real pool, over real connections."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from tests.console.conftest import entries, signed_in
from tests.support.roles import application_url

pytestmark = pytest.mark.django_db(transaction=True)

CHILD = """
import os, socket, sys
from console import server
sock = socket.socket(fileno=int(sys.argv[1]))
pid = os.fork()  # as the supervisor does: everything imported, then forked
if pid:
    os.waitpid(pid, 0)
    sys.exit(0)
print(os.getpid(), flush=True)
server.run(sock)
"""


@contextlib.contextmanager
def serving(database_url: str, home: str) -> Iterator[tuple[int, int]]:
    """Port and process id of a web server, started as the supervisor starts it."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        port = listening.getsockname()[1]
        env = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "console.settings",
            "HALTLINE_TLS": "off",
            "HALTLINE_SECRET_KEY": settings.SECRET_KEY,
            "HALTLINE_HOME": home,
            "DATABASE_URL": database_url,
        }
        command = [sys.executable, "-c", CHILD, str(listening.fileno())]
        with subprocess.Popen(
            command,
            cwd=settings.BASE_DIR,
            env=env,
            pass_fds=[listening.fileno()],
            stdout=subprocess.PIPE,
            text=True,
        ) as parent:
            assert parent.stdout is not None
            pid = int(parent.stdout.readline())
            try:
                yield port, pid
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                parent.wait(10)


def url_of_test_database(port: int | None = None) -> str:
    return application_url(port)


@pytest.fixture
def web() -> Iterator[tuple[int, int]]:
    with serving(url_of_test_database(), str(settings.HALTLINE_HOME)) as found:
        yield found


def asked(port: int, path: str, headers: dict[str, str] | None = None) -> tuple[int, bytes, str]:
    talk = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        talk.request("GET", path, headers=headers or {})
        answer = talk.getresponse()
        return answer.status, answer.read(), str(answer.headers)
    finally:
        talk.close()


def test_it_answers_pools_its_connections_and_ends_on_sigterm(web: tuple[int, int]) -> None:
    port, pid = web
    assert asked(port, "/healthz")[:2] == (200, b'{"status":"ok"}')
    status, body, head = asked(port, "/readyz")
    assert status in (200, 503)
    assert json.loads(body)["checks"]["database"] == "ok"
    assert "server:" not in head.lower()
    before = backends(pid)
    for _ in range(5):
        asked(port, "/healthz/database")
    assert 1 <= backends(pid) == before <= 2, "one connection serves one request after another"
    start = time.monotonic()
    os.kill(pid, signal.SIGTERM)
    while alive(pid) and time.monotonic() < start + 8:
        time.sleep(0.05)
    assert not alive(pid)


def test_a_forwarded_address_is_not_believed(web: tuple[int, int]) -> None:
    port, _ = web
    status, body, _ = asked(port, "/api/orders", {"X-Forwarded-For": "203.0.113.9"})
    assert status == 401
    assert json.loads(body)["code"] == "not-authenticated"
    assert [one["source"] for one in entries("access.deny")] == ["127.0.0.1"]


def test_sockets_pass_the_same_door(web: tuple[int, int], mercy: User) -> None:
    port, _ = web
    ours, url = f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{port}/live/desk"
    browser = signed_in(Client(), mercy)
    cookie = {"Cookie": f"sessionid={browser.cookies['sessionid'].value}"}
    with connect(url, origin=Origin(ours), additional_headers=cookie) as opened:
        assert json.loads(opened.recv(timeout=5))["topic"]
    with connect(url, origin=Origin(ours)) as stranger, pytest.raises(ConnectionClosed) as closed:
        stranger.recv(timeout=5)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4401
    with pytest.raises(InvalidStatus) as refused:
        connect(url, origin=Origin("http://evil.example"), additional_headers=cookie)
    assert refused.value.response.status_code == 403


def test_a_connection_from_before_the_fork_is_refused() -> None:
    code = (
        "from console import server\n"
        "from django.db import connection\n"
        "connection.ensure_connection()\n"
        "server.pool_connections()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=settings.BASE_DIR,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "console.settings",
            "DATABASE_URL": url_of_test_database(),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "RuntimeError: a database connection was opened before the fork" in done.stderr


def backends(pid: int) -> int:
    """How many connections to the database the server has."""
    port = int(connection.settings_dict["PORT"])
    links = psutil.Process(pid).net_connections("tcp")
    return sum(bool(one.raddr) and one.raddr.port == port for one in links)


def alive(pid: int) -> bool:
    """Whether the process still runs: a zombie does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    except FileNotFoundError:
        return False
    return stat.rsplit(")", 1)[1].split()[0] != "Z"
