"""What is said to a gateway over its control socket, and the caller's side of it.

One JSON text a line behind its MAC. The gateway greets with a nonce of its own, every line either
way is signed with the firm's key over that nonce and a running number, so nothing can be forged,
replayed or reordered. Reachable without the database, Redis or Celery.
"""

import hashlib
import hmac
import socket
from decimal import Decimal
from types import TracebackType
from typing import Self, TypeVar

import msgspec

from riskctl.holds import HoldFact, Mode

MAX_LINE = 262_144
_HELLO_BYTES = 16

T = TypeVar("T")


class ControlError(Exception):
    """The gateway could not be reached or did not answer as it must; ``str`` says how."""


class Warrant(msgspec.Struct, frozen=True):
    """Leave to close positions in the scope of a hold, towards zero and never beyond.

    No quantity: it would be older than the venue's own reading, which bounds every order.
    ``tranche_value``: USD above which a position is closed in up to ``max_tranches`` parts.
    """

    id: str
    hold_id: str
    scope: str
    placed_by: str
    reason: str
    issued_wall_ns: int
    expires_wall_ns: int
    tranche_value: float = 100_000.0
    max_tranches: int = 5


class TellHold(msgspec.Struct, frozen=True, tag="hold", tag_field="op"):
    """Journal and apply this hold; answered with HoldTaken."""

    hold: HoldFact


class TellWarrant(msgspec.Struct, frozen=True, tag="warrant", tag_field="op"):
    """Journal this warrant and begin; answered with WarrantTaken."""

    warrant: Warrant


class CancelOpen(msgspec.Struct, frozen=True, tag="cancel-open", tag_field="op"):
    """Cancel every open order in ``scope`` now, holding nothing; answered with Cancelling."""

    scope: str
    reason: str
    protective_too: bool = False


class SetStops(msgspec.Struct, frozen=True, tag="set-stops", tag_field="op"):
    """Put a stop-loss ``percentage`` below (a long) or above (a short) the latest mid under every
    open position in ``scope``, of ``symbols`` if any are named; answered with StopsSet.

    The same ``id`` again changes nothing that stands. ``dry_run``: say what would be, do nothing.
    """

    id: str
    scope: str
    percentage: str
    placed_by: str
    reason: str
    symbols: tuple[str, ...] = ()
    dry_run: bool = False


class AskStanding(msgspec.Struct, frozen=True, tag="standing", tag_field="op"):
    """Answered with Standing."""


class TryOrder(msgspec.Struct, frozen=True, tag="try", tag_field="op"):
    """Judge this order as if its strategy had wanted it now, and forget it; answered with
    OrderTried. ``shard``: the strategy's own. Without a limit price it is a market order."""

    strategy: str
    shard: str
    symbol: str
    side: str
    quantity: Decimal
    limit_price: Decimal | None = None


Request = TellHold | TellWarrant | CancelOpen | SetStops | AskStanding | TryOrder


class InFlight(msgspec.Struct, frozen=True):
    """A create that was on its way when the hold was applied: it may still be accepted."""

    client_order_id: str
    symbol: str
    side: str
    quantity: str
    state: str
    not_after_ns: int


class HoldTaken(msgspec.Struct, frozen=True, tag="hold-taken", tag_field="op"):
    """The hold is on disk and in force: no create leaves that it forbids.

    ``leased``: a reading within the licence's life showed that this gateway holds its account's
    lease. ``lag_us``: from the request's arrival to this answer.
    """

    account: str
    token: int
    leased: bool
    journalled: bool
    in_flight: list[InFlight]
    applied_wall_ns: int
    open_orders: int
    lag_us: int


class WarrantTaken(msgspec.Struct, frozen=True, tag="warrant-taken", tag_field="op"):
    account: str
    refused: str = ""


class Cancelling(msgspec.Struct, frozen=True, tag="cancelling", tag_field="op"):
    account: str
    orders: list[str]


class StopLine(msgspec.Struct, frozen=True):
    """One open position and its stop-loss; decimals as text, empty where there is none.

    ``state``: resting (``order`` works at the venue), watched (the gateway closes when it is
    reached), closing, pending, refused (``why``), and with a dry run would-rest or would-watch.
    ``loss``: USD from the mid to the stop price. ``not_as_asked``: an earlier one stands as it was,
    ``why`` says why. ``blind``: it is watched, and there is no price to watch or nothing may leave.
    """

    strategy: str
    symbol: str
    position: str
    entry_price: str
    state: str
    why: str = ""
    side: str = ""
    percentage: str = ""
    mark: str = ""
    stop_price: str = ""
    covered: str = "0"
    order: str = ""
    loss: str = ""
    not_as_asked: bool = False
    blind: bool = False


class StopsSet(msgspec.Struct, frozen=True, tag="stops-set", tag_field="op"):
    account: str
    stops: list[StopLine]


class Standing(msgspec.Struct, frozen=True, tag="standing-is", tag_field="op"):
    """``modes``: effective mode by scope, of the scopes that any hold lies on."""

    account: str
    token: int
    loaded: bool
    connected: bool
    licence_ms: float
    mode: Mode
    holds: list[HoldFact]
    open_orders: int
    unknown_orders: int


class Gate(msgspec.Struct, frozen=True):
    """What one of the gateway's gates said; no code: it lets the order through."""

    name: str
    code: str = ""
    text: str = ""


class RuleTried(msgspec.Struct, frozen=True):
    """One limit against the order; ``passed`` also where it only makes an exposure smaller."""

    code: str
    what: str
    scope: str
    measured: Decimal
    limit: Decimal
    passed: bool


class OrderTried(msgspec.Struct, frozen=True, tag="tried", tag_field="op"):
    """``code`` and ``text`` of the first gate that refuses; none: it would have been sent."""

    account: str
    code: str
    text: str
    gates: list[Gate]
    rules: list[RuleTried]


class Refused(msgspec.Struct, frozen=True, tag="refused", tag_field="op"):
    """The request could not be carried out; nothing was done."""

    why: str


Answer = (
    HoldTaken | WarrantTaken | Cancelling | StopsSet | Standing | OrderTried | Refused
)  # fmt: skip

request_decoder = msgspec.json.Decoder(Request)
answer_decoder = msgspec.json.Decoder(Answer)
encode = msgspec.json.Encoder().encode


class Seal:
    """Signs and checks the lines of one direction of one connection, in order."""

    def __init__(self, key: bytes, nonce: bytes, direction: str) -> None:
        self._key = key
        self._prefix = nonce + direction.encode()
        self._number = 0

    def _mac(self, body: bytes) -> bytes:
        said = self._prefix + self._number.to_bytes(8, "big") + body
        self._number += 1
        return hmac.new(self._key, said, hashlib.sha256).hexdigest().encode()

    def line(self, body: bytes) -> bytes:
        return self._mac(body) + b" " + body + b"\n"

    def open(self, line: bytes) -> bytes:
        """The body of a line. Raises ControlError when it is not signed as it must be."""
        mac, _, body = line.rstrip(b"\n").partition(b" ")
        if not hmac.compare_digest(mac, self._mac(body)):
            raise ControlError("a line was not signed with the control key of this desk")
        return body


class ControlLink:
    """A blocking connection to one gateway. ``address`` is host:port; ``timeout_s`` bounds every
    step. Raises ControlError."""

    def __init__(self, address: str, key: bytes, *, timeout_s: float) -> None:
        host, _, port = address.rpartition(":")
        try:
            self._socket = socket.create_connection((host, int(port)), timeout=timeout_s)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._lines = self._socket.makefile("rb")
            nonce = bytes.fromhex(self._read().decode().strip())
        except (OSError, ValueError) as error:
            raise ControlError(f"gateway at {address}: {error or 'no answer'}") from error
        if len(nonce) < _HELLO_BYTES:
            raise ControlError(f"gateway at {address}: its greeting is no nonce")
        self._out = Seal(key, nonce, "request")
        self._in = Seal(key, nonce, "answer")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._lines.close()
        self._socket.close()

    def wait_at_most(self, seconds: float) -> None:
        self._socket.settimeout(max(seconds, 0.001))

    def ask(self, request: Request, answer: type[T]) -> T:
        """The answer to ``request``. Raises ControlError, also for a refusal."""
        self.send(request)
        return self.receive(answer)

    def send(self, request: Request) -> None:
        """Send and go on; answers come in the order of requests."""
        try:
            self._socket.sendall(self._out.line(encode(request)))
        except OSError as error:
            raise ControlError(str(error)) from error

    def receive(self, answer: type[T]) -> T:
        """The answer to the oldest request without one. Raises ControlError."""
        try:
            said = answer_decoder.decode(self._in.open(self._read()))
        except (OSError, msgspec.MsgspecError) as error:
            raise ControlError(str(error) or "no answer in time") from error
        if isinstance(said, Refused):
            raise ControlError(said.why)
        if not isinstance(said, answer):
            raise ControlError(f"answered with {type(said).__name__}")
        return said

    def _read(self) -> bytes:
        line = self._lines.readline(MAX_LINE)
        if not line.endswith(b"\n"):
            raise ConnectionResetError("the gateway closed the connection")
        return line
