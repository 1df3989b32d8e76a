"""The console while the database is away, and after: a real server behind a line that is cut."""

import contextlib
import http.client
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings

from tests.console.test_server import serving, url_of_test_database


class Line:
    """A TCP line to the database that can be cut and mended."""

    def __init__(self, host: str, port: int) -> None:
        self._to = (host, port)
        self._pairs: list[socket.socket] = []
        self._listening: socket.socket | None = None
        self.port = 0
        self.mend()

    def mend(self) -> None:
        listening = socket.socket()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", self.port))
        listening.listen()
        self.port = listening.getsockname()[1]
        self._listening = listening
        threading.Thread(target=self._accept, args=[listening], daemon=True).start()

    def cut(self) -> None:
        assert self._listening is not None
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for one in self._pairs:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self._pairs.clear()

    def _accept(self, listening: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = listening.accept()
                far = socket.create_connection(self._to)
                self._pairs += [near, far]
                for one, two in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=[one, two], daemon=True).start()

    @staticmethod
    def _carry(one: socket.socket, two: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(65_536):
                two.sendall(data)
        with contextlib.suppress(OSError):
            two.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def line() -> Iterator[Line]:
    facts = settings.DATABASES["default"]
    made = Line(facts["HOST"] or "127.0.0.1", int(facts["PORT"] or 5432))
    yield made
    with contextlib.suppress(OSError):
        made.cut()


def asked(port: int, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    talk = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        talk.request("GET", path, headers=headers)
        answer = talk.getresponse()
        return answer.status, dict(answer.headers), answer.read()
    finally:
        talk.close()


@pytest.mark.django_db(transaction=True)
def test_what_needs_no_database_goes_on_and_the_rest_comes_back(
    line: Line, new_token: Callable[..., str]
) -> None:
    bearer = {"Authorization": f"Bearer {new_token()}"}
    home = os.environ.get("HALTLINE_HOME", str(settings.HALTLINE_HOME))
    with serving(url_of_test_database(port=line.port), home) as (port, _):
        assert asked(port, "/api/orders", **bearer)[0] == 200

        line.cut()
        assert asked(port, "/healthz")[0] == 200
        status, headers, body = asked(port, "/api/orders", **bearer)
        assert (status, json.loads(body)["code"]) == (503, "database-unreachable")
        assert headers["Retry-After"] == "2"
        assert headers["Content-Type"] == "application/problem+json"
        checks: dict[str, Any] = json.loads(asked(port, "/readyz")[2])["checks"]
        assert checks["database"] == "does not answer"
        status, headers, body = asked(port, "/", Cookie="sessionid=abcdefghijklmnop")
        assert (status, headers["Content-Type"].split(";")[0]) == (503, "text/html")
        assert b"database" in body

        line.mend()
        mended = time.monotonic()
        while asked(port, "/api/orders", **bearer)[0] != 200:
            assert time.monotonic() - mended < 10
        assert json.loads(asked(port, "/readyz")[2])["checks"]["database"] == "ok"
