"""Warm connections: what leaves, what is heard, and how they are lost. Over TCP and TLS."""

import asyncio
import datetime as dt
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from trading.venues.base import VenueDisconnectedError
from trading.venues.ccxt_http import Answer, BusyError, HttpPool

OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi"
Reply = Callable[[bytes], bytes | None]


@asynccontextmanager
async def _server(reply: Reply, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Answers each request's head; nothing for b"", and closes after None."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                said = reply(head)
                if said is None:
                    break
                writer.write(said)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1]


@asynccontextmanager
async def _pool(
    port: int, *, tls: ssl.SSLContext | None = None, size: int = 2, lost: list[str] | None = None
) -> AsyncIterator[HttpPool]:
    heard: list[str] = [] if lost is None else lost
    pool = HttpPool(f"127.0.0.1:{port}", tls=tls, size=size, timeout_s=1.0, on_lost=heard.append)
    await pool.open()
    yield pool
    await pool.close()


def _play(scene: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(30):
            await scene()

    asyncio.run(bounded())


def _get(pool: HttpPool, path: str = "/x") -> "asyncio.Future[Answer]":
    return pool.send("GET", f"{pool.base}{path}", {"A": "b"}, b"")


async def _connected(pool: HttpPool, count: int) -> None:
    while sum(one.idle for one in pool._wires) < count:  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0.01)


def test_answers_come_to_who_asked_and_busy_connections_take_nothing() -> None:
    async def scene() -> None:
        heads: list[bytes] = []

        def reply(head: bytes) -> bytes:
            heads.append(head)
            if b"/chunks" not in head:
                return OK
            return (
                b"HTTP/1.1 404 Nope\r\nTransfer-Encoding: chunked\r\n\r\n"
                b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
            )

        async with _server(reply) as port, _pool(port) as pool:
            first, second = _get(pool), _get(pool, "/chunks?a=1")
            with pytest.raises(VenueDisconnectedError, match="waits for an answer"):
                _get(pool)
            assert (await first).body == b"hi"
            said = await second
            assert (said.status, said.reason, said.body) == (404, "Nope", b"abcde")
            with pytest.raises(VenueDisconnectedError, match="not this account's venue"):
                pool.send("GET", f"https://127.0.0.1:{port}/x", {}, b"")
            assert (await _get(pool)).headers["Content-Type"] == "text/plain"
            assert len(heads) == 3
            assert sorted(one.split()[1] for one in heads) == [b"/chunks?a=1", b"/x", b"/x"]
            assert pool.unsent_bytes == 0

    _play(scene)


def test_some_connections_are_kept_for_what_matters_more() -> None:
    async def scene() -> None:
        async with _server(lambda head: b"") as port, _pool(port, size=4) as pool:
            url = f"{pool.base}/x"
            for _ in range(2):
                pool.send("GET", url, {}, b"", spare=2)
            with pytest.raises(BusyError):
                pool.send("GET", url, {}, b"", spare=2)
            for _ in range(2):
                pool.send("GET", url, {}, b"")
            with pytest.raises(BusyError):
                pool.send("GET", url, {}, b"")

    _play(scene)


LAST = OK.replace(b"200 OK\r\n", b"200 OK\r\nConnection: close\r\n")


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        (None, VenueDisconnectedError), (b"", TimeoutError),
        (b"nonsense\r\n\r\n", VenueDisconnectedError), (LAST, None),
    ],
    ids=["closed", "silent", "nonsense", "last"],
)  # fmt: skip
def test_a_lost_connection_is_told_to_who_asked_and_made_anew(
    said: bytes | None, heard: type[Exception] | None
) -> None:
    async def scene() -> None:
        turns = iter([said])
        lost: list[str] = []
        async with (
            _server(lambda head: next(turns, OK)) as port, _pool(port, lost=lost) as pool
        ):  # fmt: skip
            asked = _get(pool)
            if heard is None:
                assert (await asked).body == b"hi"
            else:
                with pytest.raises(heard):
                    await asked
            assert pool.connected, "one of two is left"
            await _connected(pool, 2)
            assert (await _get(pool)).body == b"hi"
            assert lost == []

    _play(scene)


def test_the_last_connection_is_told_once_and_an_abort_at_once() -> None:
    async def scene() -> None:
        lost: list[str] = []
        async with _server(lambda head: OK) as port, _pool(port, lost=lost) as pool:
            pool.abort()
            assert not pool.connected
            with pytest.raises(VenueDisconnectedError, match="not connected"):
                _get(pool)
            await pool.settle_reset()
            assert len(lost) == 1
            assert pool.unsent_bytes == 0

    _play(scene)


def _certificate(folder: Path, name: str) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(name))])
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    file, key_file = folder / f"{name}.pem", folder / f"{name}.key"
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )  # fmt: skip
    return file, key_file


def test_by_tls_the_host_must_prove_its_name(tmp_path: Path) -> None:
    right, key = _certificate(tmp_path, "127.0.0.1")
    wrong, wrong_key = _certificate(tmp_path, "127.0.0.9")

    async def scene() -> None:
        ours = ssl.create_default_context(cafile=right)
        served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        served.load_cert_chain(right, key)
        lost: list[str] = []
        async with (
            _server(lambda head: OK, served) as port, _pool(port, tls=ours, lost=lost) as pool
        ):  # fmt: skip
            assert pool.base.startswith("https://")
            assert (await _get(pool)).body == b"hi"
            assert pool.unsent_bytes == 0
            pool.abort()
            await pool.settle_reset()
            assert len(lost) == 1
        other = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        other.load_cert_chain(wrong, wrong_key)
        for trusted in (ours, ssl.create_default_context(cafile=wrong)):
            async with _server(lambda head: OK, other) as port:
                pool = HttpPool(
                    f"127.0.0.1:{port}", tls=trusted, size=1, timeout_s=1.0, on_lost=lost.append
                )
                with pytest.raises(ssl.SSLError):
                    await pool.open()
                assert not pool.connected
                await pool.close()

    _play(scene)


def test_a_host_that_takes_no_connection_is_given_up_in_the_time_of_an_answer() -> None:
    """As where packets are dropped: its queue of connections is full, and nobody says no."""

    async def scene() -> None:
        with socket.socket() as deaf:
            deaf.bind(("127.0.0.1", 0))
            deaf.listen(0)
            waiting = [socket.socket() for _ in range(3)]
            for one in waiting:
                one.setblocking(False)
                one.connect_ex(deaf.getsockname())
            lost: list[str] = []
            address = f"127.0.0.1:{deaf.getsockname()[1]}"
            pool = HttpPool(address, tls=None, size=2, timeout_s=0.05, on_lost=lost.append)
            with pytest.raises(TimeoutError):
                await pool.open()
            assert not pool.connected
            await pool.close()
            for one in waiting:
                one.close()
        assert lost == []

    _play(scene)
