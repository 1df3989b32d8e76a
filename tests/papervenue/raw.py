"""A bare client of the venue's wire, which says exactly what a test wants said."""

import hashlib
import hmac
import json
import socket
from typing import Any, Self

from tests.venues.rigs import CREDENTIALS

Said = dict[str, Any]


class RawClient:
    """``hello`` is the greeting. Reads raise TimeoutError after 3 s, EOFError at the end."""

    def __init__(self, address: str) -> None:
        host, port = address.split(":")
        self._socket = socket.create_connection((host, int(port)), timeout=3)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._lines = self._socket.makefile("rb")
        self.hello = self.read()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *ended: object) -> None:
        self._lines.close()
        self._socket.close()

    def write(self, data: bytes) -> None:
        self._socket.sendall(data)

    def say(self, **body: object) -> None:
        self.write(json.dumps(body).encode() + b"\n")

    def read(self) -> Said:
        line = self._lines.readline()
        if not line:
            raise EOFError
        said: Said = json.loads(line)
        assert said["venue_time_ns"] > 0
        return said

    def ask(self, **body: object) -> Said:
        """The next line after a request."""
        self.say(**body)
        return self.read()

    def login(self, account: str = "paper-1", **instead: str) -> Said:
        known = CREDENTIALS.get(account, {"key": "none", "secret": "none"})
        nonce = self.hello["nonce"]
        said = f"{nonce}:{account}:{known['key']}".encode()
        signature = hmac.new(known["secret"].encode(), said, hashlib.sha256).hexdigest()
        body = {"account": account, "key": known["key"], "signature": signature, **instead}
        return self.ask(op="login", id=1, **body)
