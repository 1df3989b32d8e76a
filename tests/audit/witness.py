"""A witness by HTTPS as C2SP's tlog-witness says, on this host, and how it may go wrong."""

import base64
import datetime as dt
import http.server
import ipaddress
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from audit.anchors import Witness
from audit.verifier import ProofError, check_consistency, parse_checkpoint


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


@contextmanager
def serving(folder: Path, behaviour: Behaviour) -> Iterator[Witness]:
    """A client of a server that answers as ``behaviour`` does, while it is open."""

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

    pem = certificate(folder)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield Witness(f"https://127.0.0.1:{server.server_port}/log/", str(pem))
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
