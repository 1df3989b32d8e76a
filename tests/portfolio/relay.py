"""A relay between a child process and a real server, which can be frozen, cut and mended."""

import contextlib
import select
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

_CHUNK = 65_536
_TURN_S = 0.02


class Relay:
    """Passes bytes both ways. Frozen it passes nothing; cut it drops all and refuses more."""

    def __init__(self, target: tuple[str, int]) -> None:
        """``target`` is host and port; a host that is a path means a Unix socket."""
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._pairs: dict[socket.socket, socket.socket] = {}
        self._frozen = threading.Event()
        self._cut = threading.Event()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def freeze(self) -> None:
        self._frozen.set()

    def cut(self) -> None:
        self._cut.set()

    def mend(self) -> None:
        self._frozen.clear()
        self._cut.clear()

    def close(self) -> None:
        self._ended.set()
        self._thread.join(5)

    def _run(self) -> None:
        while not self._ended.is_set():
            if self._frozen.is_set():
                self._ended.wait(_TURN_S)
                continue
            if self._cut.is_set():
                self._drop(*list(self._pairs))
            ready, _, _ = select.select([self._listener, *self._pairs], [], [], _TURN_S)
            for one in ready:
                if one is self._listener:
                    self._accept()
                elif one in self._pairs:
                    self._pass(one)
        self._drop(*list(self._pairs))
        self._listener.close()

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        if self._cut.is_set():
            client.close()
            return
        server = self._connect()
        self._pairs[client], self._pairs[server] = server, client

    def _connect(self) -> socket.socket:
        host, port = self._target
        if not host.startswith("/"):
            return socket.create_connection((host, port))
        server = socket.socket(socket.AF_UNIX)
        path = Path(host)
        server.connect(str(path / f".s.PGSQL.{port}" if path.is_dir() else path))
        return server

    def _pass(self, one: socket.socket) -> None:
        try:
            data = one.recv(_CHUNK)
            if data:
                self._pairs[one].sendall(data)
        except OSError:
            data = b""
        if not data:
            self._drop(one)

    def _drop(self, *sockets: socket.socket) -> None:
        for one in sockets:
            other = self._pairs.pop(one, None)
            if other is not None:
                self._pairs.pop(other, None)
                other.close()
            one.close()


@contextlib.contextmanager
def relay(target: tuple[str, int]) -> Iterator[Relay]:
    one = Relay(target)
    try:
        yield one
    finally:
        one.close()
