"""A gateway's far end of the control socket, for tests of what talks to gateways.

It speaks riskctl.control's protocol with the real Seal, keeps what it was told, and stands in the
register on disk as a gateway does. It sends nothing anywhere.
"""

import contextlib
import datetime as dt
import os
import secrets
import socket
import threading
import uuid
from collections.abc import Iterator
from typing import Self

import msgspec

from riskctl.brakes_home import BrakesHome, write_json
from riskctl.clock import wall_ns
from riskctl.control import (
    MAX_LINE,
    Answer,
    AskStanding,
    Cancelling,
    CancelOpen,
    ControlError,
    Gate,
    HoldTaken,
    InFlight,
    OrderTried,
    Refused,
    Request,
    Seal,
    SetStops,
    Standing,
    StopLine,
    StopsSet,
    TellHold,
    TellWarrant,
    TryOrder,
    Warrant,
    WarrantTaken,
    encode,
    request_decoder,
)
from riskctl.holds import HoldFact, Mode, effective_mode
from riskctl.places import start_ticks, this_place
from riskctl.registered import accounts_keep

HOST = "127.0.0.1"


class FakeGateway:
    """Of one account. Set ``silent`` to have it read and not answer, ``refuses`` to have it refuse.

    ``holds`` by id as first told, ``told`` every telling; ``warrants``, ``cancels``, ``tries`` as
    they came; ``stops``: what it says of stop-losses, ``stops_asked`` what it was asked of them;
    ``open_orders``: what it says it cancels; ``in_flight``: what a hold's answer lists.
    Holds decided before ``since_wall_ns`` are answered and not noted.
    ``connections`` counts those that were ever made; with ``mute_first`` the first stays silent.
    """

    def __init__(self, home: BrakesHome, account: str, *, key: bytes, token: int = 1) -> None:
        self.account = account
        self.token = token
        self.silent = False
        self.refuses = ""
        self.since_wall_ns = 0
        self.connections = 0
        self.mute_first = False
        self.journalled = True
        self.leased = True
        self.holds: dict[str, HoldFact] = {}
        self.told: list[HoldFact] = []
        self.warrants: list[Warrant] = []
        self.cancels: list[CancelOpen] = []
        self.tries: list[TryOrder] = []
        self.open_orders: list[str] = []
        self.stops: list[StopLine] = []
        self.stops_asked: list[SetStops] = []
        self.in_flight: list[InFlight] = []
        self._home = home
        self._key = key
        self._lock = threading.Lock()
        self._sessions: set[socket.socket] = set()
        self._listening = socket.create_server((HOST, 0))
        self.address = f"{HOST}:{self._listening.getsockname()[1]}"

    def __enter__(self) -> Self:
        self.register()
        threading.Thread(target=self._accept, daemon=True, name=f"fake-{self.account}").start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def register(self) -> None:
        """Its entry on disk, as trading.gateway.register writes it."""
        self._home.create()
        write_json(
            self._home.gateways / f"{self.account}.json",
            {
                "account": self.account,
                "address": self.address,
                "place": this_place(),
                "pid": os.getpid(),
                "start_ticks": start_ticks(os.getpid()),
                "token": self.token,
                "journal": str(uuid.uuid4()),
                "registered_at": dt.datetime.now(dt.UTC).isoformat(),
            },
        )

    def close(self) -> None:
        """No more connections; those there are are cut."""
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self.cut()

    def cut(self) -> None:
        """The connections there are end; new ones are taken."""
        with self._lock:
            for one in self._sessions:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                threading.Thread(target=self._session, args=[near], daemon=True).start()

    def _session(self, near: socket.socket) -> None:
        with self._lock:
            self._sessions.add(near)
            self.connections += 1
            first = self.connections == 1
        nonce = secrets.token_bytes(32)
        come, go = Seal(self._key, nonce, "request"), Seal(self._key, nonce, "answer")
        with near, contextlib.suppress(OSError, ControlError):
            near.sendall(nonce.hex().encode() + b"\n")
            with near.makefile("rb") as lines:
                while line := lines.readline(MAX_LINE):
                    answer = self._read(come.open(line))
                    if not (self.silent or (first and self.mute_first)):
                        near.sendall(go.line(encode(answer)))

    def _read(self, body: bytes) -> Answer:
        try:
            return self._answer(request_decoder.decode(body))
        except msgspec.MsgspecError as error:
            return Refused(f"the request cannot be read: {error}")

    def _answer(self, request: Request) -> Answer:
        if self.refuses:
            return Refused(self.refuses)
        with self._lock:
            match request:
                case TellHold():
                    return self._take(request.hold)
                case TellWarrant():
                    return self._warrant(request.warrant)
                case CancelOpen():
                    self.cancels.append(request)
                    return Cancelling(self.account, list(self.open_orders))
                case SetStops():
                    self.stops_asked.append(request)
                    return StopsSet(self.account, list(self.stops))
                case AskStanding():
                    return self._standing()
                case TryOrder():
                    return self._tried(request)

    def _take(self, hold: HoldFact) -> HoldTaken:
        if hold.placed_wall_ns >= self.since_wall_ns:
            self.told.append(hold)
            self.holds.setdefault(hold.id, hold)
        return HoldTaken(
            account=self.account,
            token=self.token,
            leased=self.leased,
            journalled=self.journalled,
            in_flight=list(self.in_flight),
            applied_wall_ns=wall_ns(),
            open_orders=len(self.open_orders),
            lag_us=100,
        )

    def _warrant(self, warrant: Warrant) -> WarrantTaken:
        if warrant.hold_id not in self.holds:
            return WarrantTaken(self.account, "its hold is not in force here: place it first")
        self.warrants.append(warrant)
        return WarrantTaken(self.account)

    def _tried(self, request: TryOrder) -> OrderTried:
        held = effective_mode(self.holds.values())
        code = "" if held is Mode.ACTIVE else "HELD"
        self.tries.append(request)
        return OrderTried(self.account, code, code, [Gate("holds", code, code)], [])

    def _standing(self) -> Standing:
        return Standing(
            account=self.account,
            token=self.token,
            loaded=True,
            connected=True,
            licence_ms=200.0,
            mode=effective_mode(self.holds.values()),
            holds=list(self.holds.values()),
            open_orders=len(self.open_orders),
            unknown_orders=0,
        )


@contextlib.contextmanager
def fake_gateways(home: BrakesHome, *accounts: str) -> Iterator[dict[str, FakeGateway]]:
    """One for each account, with the home's own key, and no other known of; closed at the end."""
    key = home.control_key()
    accounts_keep(home, accounts)
    with contextlib.ExitStack() as stack:
        yield {
            account: stack.enter_context(FakeGateway(home, account, key=key))
            for account in accounts
        }
