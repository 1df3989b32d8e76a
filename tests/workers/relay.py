"""A TCP relay before a server that a test can cut, freeze and mend, for one client's eyes only."""

import contextlib
import select
import socket
import threading


class Relay:
    """Passes bytes until ``freeze`` (silence, connections stay) or ``cut`` (refused)."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._listener: socket.socket | None = None
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._frozen = False
        self._ended = False
        self._lock = threading.Lock()
        self.port = 0
        self.mend()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def freeze(self) -> None:
        self._frozen = True

    def cut(self) -> None:
        with self._lock:
            if self._listener is not None:
                self._listener.close()
                self._listener = None
            self._drop()

    def mend(self) -> None:
        """All as before; connections from before the freeze are gone."""
        with self._lock:
            if self._frozen:
                self._drop()
            self._frozen = False
            if self._listener is None:
                self._listener = socket.create_server(("127.0.0.1", self.port))
                self.port = self._listener.getsockname()[1]

    def close(self) -> None:
        self._ended = True
        self._thread.join(5)
        self.cut()

    def _drop(self) -> None:
        for pair in self._pairs:
            for end in pair:
                end.close()
        self._pairs.clear()

    def _run(self) -> None:
        while not self._ended:
            with self._lock, contextlib.suppress(OSError, ValueError):
                self._turn()
            threading.Event().wait(0.001)

    def _turn(self) -> None:
        if self._frozen:
            return
        if self._listener is not None and select.select([self._listener], [], [], 0)[0]:
            client, _ = self._listener.accept()
            self._pairs.append((client, socket.create_connection(self._target)))
        for pair in list(self._pairs):
            for source, sink in (pair, pair[::-1]):
                if select.select([source], [], [], 0)[0]:
                    data = source.recv(65_536)
                    if data:
                        sink.sendall(data)
                    else:
                        self._pairs.remove(pair)
                        source.close()
                        sink.close()
                        return
