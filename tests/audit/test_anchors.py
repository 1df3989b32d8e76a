"""Anchors: a file that only grows, and the contract of an HTTPS witness against a real server."""

import base64
import datetime as dt
import http.server
import ipaddress
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from audit.anchors import AnchorError, BehindError, FileAnchor, Witness, anchor_line
from audit.verifier import (
    ProofError,
    check_consistency,
    parse_checkpoint,
    read_checkpoints,
)
from tests.audit.made import made

RECORD = made(20)


def none(_: int) -> tuple[bytes, ...]:
    return ()


# --- The file -------------------------------------------------------------------------------------


def test_a_file_keeps_every_checkpoint(tmp_path: Path) -> None:
    anchor = FileAnchor(tmp_path / "audit" / "anchor.jsonl")
    assert anchor.last() is None
    for size in (3, 7, 20):
        anchor.keep(RECORD.sign(size), none)
    assert anchor.last() == RECORD.sign(20)
    found = read_checkpoints(anchor.path.read_bytes(), "anchor")
    assert [one.size for one in found] == [3, 7, 20]


def test_a_torn_line_was_never_kept(tmp_path: Path) -> None:
    anchor = FileAnchor(tmp_path / "anchor.jsonl")
    anchor.keep(RECORD.sign(3), none)
    with anchor.path.open("ab") as out:
        out.write(anchor_line(RECORD.sign(7))[:50])
    assert anchor.last() == RECORD.sign(3)
    anchor.keep(RECORD.sign(20), none)
    found = read_checkpoints(anchor.path.read_bytes(), "anchor")
    assert [one.size for one in found] == [3, 20]


def test_a_file_that_is_none(tmp_path: Path) -> None:
    anchor = FileAnchor(tmp_path / "anchor.jsonl")
    anchor.path.write_bytes(b"{}\n")
    with pytest.raises(AnchorError, match="line 1: no checkpoint"):
        anchor.last()
    with pytest.raises(AnchorError, match="directory"):
        FileAnchor(tmp_path).keep(RECORD.sign(3), none)


# --- The witness ----------------------------------------------------------------------------------


class Behaviour:
    """A witness as C2SP's tlog-witness says, for one log; and how it may go wrong."""

    def __init__(self) -> None:
        self.size, self.root = 0, b""
        self.asked: list[tuple[str, int]] = []
        self.fails: tuple[int, str] | None = None

    def answer(self, path: str, body: str) -> tuple[int, str]:
        head, _, note = body.partition("\n\n")
        first, *proof = head.split("\n")
        old = int(first.removeprefix("old "))
        self.asked.append((path, old))
        if self.fails:
            return self.fails
        checkpoint = parse_checkpoint(note)
        if not checkpoint.signatures:
            return 403, ""
        if old != self.size:
            return 409, f"{self.size}\n"
        if old:
            try:
                check_consistency(
                    size1=old, size2=checkpoint.size, root1=self.root, root2=checkpoint.root,
                    proof=[base64.b64decode(one) for one in proof],
                )  # fmt: skip
            except ProofError as error:
                return 422, str(error)
        self.size, self.root = checkpoint.size, checkpoint.root
        return 200, "— witness.test/w " + base64.b64encode(bytes(76)).decode() + "\n"


def certificate(folder: Path) -> Path:
    """A self-signed one for 127.0.0.1, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "witness.test")])
    now = dt.datetime.now(dt.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    path = folder / "witness.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + built.public_bytes(serialization.Encoding.PEM)
    )  # fmt: skip
    return path


@pytest.fixture
def behaviour() -> Behaviour:
    return Behaviour()


@pytest.fixture
def witness(tmp_path: Path, behaviour: Behaviour) -> Iterator[Witness]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            status, answer = behaviour.answer(self.path, body)
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer.encode())))
            self.end_headers()
            self.wfile.write(answer.encode())

        def log_message(self, *_: object) -> None:
            """Nothing on the tests' output."""

    pem = certificate(tmp_path)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield Witness(f"https://127.0.0.1:{server.server_port}/log/", str(pem))
    server.shutdown()
    server.server_close()
    thread.join(10)


def keep(witness: Witness, size: int) -> str:
    return witness.keep(RECORD.sign(size), RECORD.tree(size).consistency)


def test_a_witness_keeps_what_grows(witness: Witness, behaviour: Behaviour) -> None:
    assert keep(witness, 5).startswith("— witness.test/w ")
    keep(witness, 20)
    keep(witness, 20)
    assert behaviour.size == 20
    assert behaviour.asked == [("/log/add-checkpoint", size) for size in (0, 5, 20)]


def test_a_new_process_learns_what_the_witness_has(witness: Witness, behaviour: Behaviour) -> None:
    keep(witness, 5)
    again = Witness(witness.url, witness.authority)
    keep(again, 20)
    assert [old for _, old in behaviour.asked] == [0, 0, 5]


def test_a_witness_that_has_more_shows_an_older_database(witness: Witness) -> None:
    keep(witness, 20)
    with pytest.raises(BehindError, match="holds 20 entries, here are 5") as found:
        keep(Witness(witness.url, witness.authority), 5)
    assert found.value.size == 20


def test_a_rewritten_record_is_not_kept(witness: Witness) -> None:
    keep(witness, 5)
    other = made(20)
    other.bodies[3] = b"{}"
    other.relink(3)
    with pytest.raises(AnchorError, match="422"):
        witness.keep(other.sign(20), other.tree(20).consistency)


@pytest.mark.parametrize(
    ("status", "answer", "said"),
    [(500, "sorry", "500 'sorry'"), (409, "many", "409 without a size"), (302, "", "302")],
)
def test_a_witness_that_fails(
    witness: Witness, behaviour: Behaviour, status: int, answer: str, said: str
) -> None:
    behaviour.fails = status, answer
    with pytest.raises(AnchorError, match=said):
        keep(witness, 5)


def test_a_witness_whose_certificate_is_unknown(witness: Witness, behaviour: Behaviour) -> None:
    with pytest.raises(AnchorError, match="certificate verify failed"):
        keep(Witness(witness.url), 5)
    assert not behaviour.asked


def test_nobody_listens() -> None:
    with pytest.raises(AnchorError, match="refused"):
        keep(Witness("https://127.0.0.1:1"), 5)


@pytest.mark.parametrize("url", ["http://w.test", "w.test", "https://", "https://a:b@w.test"])
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(AnchorError, match="HALTLINE_AUDIT_WITNESS"):
        Witness(url)
