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
from urllib.parse import quote

import pytest
from django.conf import settings
from django.db import connection

from tests.console.conftest import entries

CHILD = """
import os, socket, sys
from console import server
from django.db import connections
sock = socket.socket(fileno=int(sys.argv[1]))
pid = os.fork()  # as the supervisor does: everything imported, then forked
if pid:
    os.waitpid(pid, 0)
    sys.exit(0)
print(os.getpid(), flush=True)
server.run(sock)
"""


@pytest.fixture
def web(transactional_db: None) -> Iterator[tuple[int, int]]:
    """Port and process id of a web server, started as the supervisor starts it."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        port = listening.getsockname()[1]
        env = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "console.settings",
            "HALTLINE_TLS": "off",
            "DATABASE_URL": url_of_test_database(),
        }
        parent = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(listening.fileno())],
            cwd=settings.BASE_DIR,
            env=env,
            pass_fds=[listening.fileno()],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert parent.stdout is not None
        try:
            pid = int(parent.stdout.readline())
            yield port, pid
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            parent.wait(10)
            parent.stdout.close()


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
    for _ in range(5):
        asked(port, "/healthz/database")
    assert 1 <= database_sockets(pid) <= 2, "one connection serves one request after another"
    start = time.monotonic()
    os.kill(pid, signal.SIGTERM)
    deadline = start + 8
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(pid)


def test_a_forwarded_address_is_not_believed(web: tuple[int, int]) -> None:
    port, _ = web
    status, body, _ = asked(port, "/api/orders", {"X-Forwarded-For": "203.0.113.9"})
    assert status == 401
    assert json.loads(body)["code"] == "not-authenticated"
    assert [one["source"] for one in entries("access.deny")] == ["127.0.0.1"]


def url_of_test_database() -> str:
    facts = connection.settings_dict
    who = quote(facts["USER"]) + (f":{quote(facts['PASSWORD'])}" if facts["PASSWORD"] else "")
    return f"postgres://{who}@{facts['HOST']}:{facts['PORT']}/{facts['NAME']}"


def database_sockets(pid: int) -> int:
    """How many TCP connections process ``pid`` has to the database's port."""
    port = int(settings.DATABASES["default"]["PORT"] or 5432)
    inodes = {
        os.readlink(f"/proc/{pid}/fd/{fd}").removeprefix("socket:[").removesuffix("]")
        for fd in os.listdir(f"/proc/{pid}/fd")
        if os.path.lexists(f"/proc/{pid}/fd/{fd}")
    }
    with open("/proc/net/tcp", encoding="ascii") as table:
        rows = [line.split() for line in table.readlines()[1:]]
    return sum(row[9] in inodes and int(row[2].split(":")[1], 16) == port for row in rows)


def alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
