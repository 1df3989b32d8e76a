"""What guard and nursery say to each other: one message a packet, over a SOCK_SEQPACKET pair."""

import socket
from collections.abc import Iterator

import msgspec

_PACKET = 4_096


class Start(msgspec.Struct, frozen=True, tag="start", tag_field="op"):
    """Fork a child that calls ``target`` (``module.function``) under this lease and token."""

    lease: str
    token: int
    holder: str
    target: str


class Stop(msgspec.Struct, frozen=True, tag="stop", tag_field="op"):
    """Ask every child to end in order; what has not ended ``grace_s`` later is killed."""

    grace_s: float


class Kill(msgspec.Struct, frozen=True, tag="kill", tag_field="op"):
    """Kill the child of this lease and token now."""

    lease: str
    token: int


class Beat(msgspec.Struct, frozen=True, tag="beat", tag_field="op"):
    """The sender is alive. Sent by the guard, and returned by the nursery."""


class Started(msgspec.Struct, frozen=True, tag="started", tag_field="op"):
    lease: str
    token: int
    pid: int


class Ended(msgspec.Struct, frozen=True, tag="ended", tag_field="op"):
    """``status`` is the exit code, or minus the signal that killed it."""

    lease: str
    token: int
    pid: int
    status: int
    ran_ms: int


Request = Start | Stop | Kill | Beat
Report = Started | Ended | Beat

request_decoder = msgspec.json.Decoder(Request)
report_decoder = msgspec.json.Decoder(Report)
encode = msgspec.json.Encoder().encode


def packets(sock: socket.socket) -> Iterator[bytes]:
    """Packets that wait on a non-blocking ``sock``. Raises EOFError when the other end is gone."""
    while True:
        try:
            packet = sock.recv(_PACKET)
        except BlockingIOError:
            return
        except ConnectionResetError:
            packet = b""
        if not packet:
            raise EOFError
        yield packet
