"""A small blocking client for the admin: faults, the venue's own log, any account's books."""

import hashlib
import hmac
import socket
from types import TracebackType
from typing import Any, Self

import msgspec


class AdminError(Exception):
    """The venue refused; ``code`` is its stable code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class AdminClient:
    """One connection, one request at a time. Also speaks as an ordinary account, for tests.

    ``address`` is host:port; ``credentials`` has ``key`` and ``secret``. Raises OSError when the
    venue cannot be reached, AdminError when it refuses, TimeoutError when it does not answer.
    """

    def __init__(
        self, address: str, credentials: dict[str, str], *, account: str = "admin",
        timeout_s: float = 5.0,
    ) -> None:  # fmt: skip
        host, _, port = address.rpartition(":")
        self._socket = socket.create_connection((host, int(port)), timeout=timeout_s)
        self._lines = self._socket.makefile("rb")
        self._number = 0
        self.events: list[dict[str, Any]] = []
        said = f"{self._read()['nonce']}:{account}:{credentials['key']}"
        signature = hmac.new(credentials["secret"].encode(), said.encode(), hashlib.sha256)
        self.request(
            "login", account=account, key=credentials["key"], signature=signature.hexdigest()
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self.close()

    def close(self) -> None:
        self._lines.close()
        self._socket.close()

    def request(self, op: str, **fields: object) -> dict[str, Any]:
        """The answer to one request; events that come before it are kept in ``events``."""
        self._number += 1
        body = {"op": op, "id": self._number, **fields}
        self._socket.sendall(msgspec.json.encode(body) + b"\n")
        while True:
            said = self._read()
            if said.get("id") == self._number:
                if not said["ok"]:
                    raise AdminError(said["error"]["code"], said["error"]["message"])
                return said
            self.events.append(said)

    def _read(self) -> dict[str, Any]:
        line = self._lines.readline()
        if not line:
            raise ConnectionResetError("the venue closed the connection")
        return msgspec.json.decode(line, type=dict[str, Any])

    def fault(self, account: str, **faults: object) -> dict[str, Any]:
        """Set faults: reject, reject_code, delay_ms, answer_delay_ms, drop_answers,
        disconnect_after, stall_s, fill_fraction. Answers all faults now set."""
        set_now: dict[str, Any] = self.request("fault", account=account, **faults)["faults"]
        return set_now

    def clear_faults(self, account: str | None = None) -> None:
        """Clear one account's faults, or all."""
        self.request("clear_faults", account=account)

    def faults(self) -> dict[str, Any]:
        set_now: dict[str, Any] = self.request("faults")["faults"]
        return set_now

    def move_clock(self, offset_ms: int) -> None:
        """The venue's own clock is ``offset_ms`` ahead of the machine's until it restarts."""
        self.request("move_clock", offset_ms=offset_ms)

    def inject_fill(
        self, account: str, symbol: str, side: str, quantity: str, price: str
    ) -> dict[str, Any]:
        """A fill nobody ordered; its body."""
        said = self.request(
            "inject_fill", account=account, symbol=symbol, side=side, quantity=quantity, price=price
        )
        fill: dict[str, Any] = said["fill"]
        return fill

    def inject_order(
        self, account: str, symbol: str, side: str, quantity: str, limit_price: str
    ) -> dict[str, Any]:
        """A good-till-cancelled order that the account did not send; its body."""
        said = self.request(
            "inject_order", account=account, symbol=symbol, side=side, quantity=quantity,
            limit_price=limit_price,
        )  # fmt: skip
        order: dict[str, Any] = said["order"]
        return order

    def log(self, account: str | None = None, after: int = 0) -> list[dict[str, Any]]:
        """The venue's own event log, whole, oldest first."""
        entries: list[dict[str, Any]] = []
        while page := self.request("log", account=account, after=after)["entries"]:
            entries += page
            after = page[-1]["id"]
        return entries

    def fills(self, account: str, after: int = 0) -> list[dict[str, Any]]:
        """The account's fills with a greater sequence, oldest first."""
        fills: list[dict[str, Any]] = []
        while page := self.request("fills_since", account=account, sequence=after)["fills"]:
            fills += page
            after = page[-1]["sequence"]
        return fills

    def positions(self, account: str) -> list[dict[str, Any]]:
        held: list[dict[str, Any]] = self.request("positions", account=account)["positions"]
        return held
