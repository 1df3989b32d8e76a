"""What an aborted connection had not sent is never sent, even if the process is stopped then."""

import asyncio
import socket
from collections.abc import Iterator

import pytest

from tests.venues.rigs import free_port
from trading.venues.link import Link
from trading.venues.paper import PaperVenue

CHUNK = 4_000_000


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A venue that accepts and does not read."""
    with socket.create_server(("127.0.0.1", free_port())) as made:
        made.settimeout(3)
        yield made


async def _connected(listener: socket.socket) -> tuple[Link, socket.socket, list[str]]:
    lost: list[str] = []
    link = Link(lambda line: None, lost.append)
    host, port = listener.getsockname()
    await asyncio.get_running_loop().create_connection(lambda: link, host, port)
    peer, _ = listener.accept()
    peer.settimeout(3)
    return link, peer, lost


def _read_to_the_end(peer: socket.socket) -> int:
    """Bytes until the reset."""
    received = 0
    try:
        while data := peer.recv(65_536):
            received += len(data)
    except ConnectionResetError:
        return received
    raise AssertionError("the connection was closed in order, after all was sent")


def test_an_abort_sends_nothing_more_before_it_returns(listener: socket.socket) -> None:
    async def play() -> None:
        link, peer, lost = await _connected(listener)
        assert link.transport is not None
        assert link.unsent_bytes == 0
        link.transport.write(b"x" * CHUNK)
        unsent = link.unsent_bytes
        assert 0 < unsent <= CHUNK
        assert unsent > link.transport.get_write_buffer_size(), "the kernel's share is counted"
        link.abort()
        assert link.unsent_bytes == 0
        received = _read_to_the_end(peer)  # the loop had no turn since
        assert CHUNK - unsent <= received < CHUNK
        assert lost == []
        link.abort()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert len(lost) == 1
        assert link.transport is None
        assert link.unsent_bytes == 0
        peer.close()

    asyncio.run(play())


def test_what_the_peers_kernel_has_is_not_unsent(listener: socket.socket) -> None:
    async def play() -> None:
        link, peer, _ = await _connected(listener)
        assert link.transport is not None
        link.transport.write(b"x" * 1_000)
        for _ in range(300):
            await asyncio.sleep(0.01)
            if not link.unsent_bytes:
                break
        assert link.unsent_bytes == 0
        assert len(peer.recv(65_536)) == 1_000
        link.close()
        await link.lost.wait()
        peer.close()

    asyncio.run(play())


def test_an_abort_leaves_no_file_behind_and_hits_no_later_connection(
    listener: socket.socket,
) -> None:
    async def play() -> None:
        for _ in range(3):
            link, peer, lost = await _connected(listener)
            link.abort()
            other, other_peer, other_lost = await _connected(listener)
            await asyncio.sleep(0.01)
            assert len(lost) == 1
            assert other.transport is not None
            other.transport.write(b"hello")
            assert other_peer.recv(10) == b"hello"
            assert other_lost == []
            other.close()
            await other.lost.wait()
            peer.close()
            other_peer.close()

    asyncio.run(play())


def test_a_venue_that_was_never_connected_has_nothing_unsent_and_can_be_aborted() -> None:
    venue = PaperVenue("paper-1", "127.0.0.1:1", {"key": "k", "secret": "s"})
    assert venue.unsent_bytes == 0
    venue.abort()
    assert not venue.connected
