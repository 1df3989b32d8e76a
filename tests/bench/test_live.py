"""The arithmetic of the benchmarks of sockets and of the screen."""

import asyncio
import struct

import pytest

from scripts.bench.bench_live import Measured, figures_of
from scripts.bench.bench_screen import _ages
from scripts.bench.live_peers import Reader, stamped


def framed(text: str) -> bytes:
    """As a websocket server sends it."""
    data = text.encode()
    if len(data) < 126:
        return bytes([0x81, len(data)]) + data
    if len(data) < 1 << 16:
        return b"\x81\x7e" + struct.pack(">H", len(data)) + data
    return b"\x81\x7f" + struct.pack(">Q", len(data)) + data


@pytest.mark.parametrize("step", [1, 7, 100_000])
def test_the_client_finds_every_frame_however_it_comes(step: int) -> None:
    ages: list[float] = []

    async def run() -> None:
        opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        reader = Reader("http://h:1/live/desk", "", ages, opened)
        said = b"HTTP/1.1 101 Switching\r\n\r\n" + framed('{"topic":"hub"}')
        for size in (0, 300, 70_000):
            said += framed(stamped('{"x":"' + "y" * size + '"}'))
        for at in range(0, len(said), step):
            reader.data_received(said[at : at + step])
        assert opened.done()

    asyncio.run(run())
    assert len(ages) == 3, "the hub's own word is no frame"
    assert all(0 <= one < 10_000 for one in ages)


def test_a_refused_handshake_is_an_error() -> None:
    async def run() -> None:
        opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        with pytest.raises(ConnectionError, match="403"):
            Reader("http://h:1/", "", [], opened).data_received(b"HTTP/1.1 403 No\r\n\r\n")

    asyncio.run(run())


def test_figures_say_what_is_met() -> None:
    hub, bare, group = (Measured(cpu, 40.0, 100_000, 5.0, 50.0) for cpu in (50.0, 25.0, 260.0))
    met = {one.name: one.met for one in figures_of(hub, bare, group) if one.wanted}
    assert met == {"CPU a frame, the hub": True, "frame's age on arrival p99": True,
                   "CPU a frame, group_send": True}  # fmt: skip
    slow = Measured(80.0, 40.0, 100_000, 5.0, 61.0)
    assert {one.met for one in figures_of(slow, bare, group) if one.wanted} == {False}


def test_a_fill_s_age_is_to_the_first_count_that_has_it() -> None:
    booked = [100.0, 200.0, 300.0, 1000.0]
    seen = [[50.0, 1.0], [350.0, 3.0], [1100.0, 4.0]]
    assert _ages(booked, seen, 1, 4) == [150.0, 50.0, 100.0]
