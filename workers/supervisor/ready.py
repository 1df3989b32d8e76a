"""Waiting for the desk to answer, in a child, so that the supervisor itself waits for nothing."""

import http.client
import json
import os
import socket
import ssl
import time

_POLL_S = 0.15
_PATIENCE_S = 30.0


def wait_until_ready(host: str, port: int) -> None:
    """Ask ``/readyz`` until it answers 200. Raises SystemExit saying what is missing after 30 s."""
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        status, body = _ask(host, port)
        if status == http.client.OK:
            return
        if time.monotonic() > deadline:
            raise SystemExit(f"not ready yet: /readyz says {status or 'nothing'} {_missing(body)}")
        time.sleep(_POLL_S)


def _ask(host: str, port: int) -> tuple[int, str]:
    """Status and body of one request; 0 when there was no answer."""
    tls = os.environ.get("HALTLINE_TLS", "off")
    names = os.environ.get("HALTLINE_HOSTS", "").split(",")
    headers = {"Host": names[0] or f"{host}:{port}"}
    if tls == "proxy":
        headers["X-Forwarded-Proto"] = "https"
    if tls == "on":
        # Our own server over loopback: who answers there is not in question.
        context = ssl._create_unverified_context()  # noqa: S323
        link: http.client.HTTPConnection = http.client.HTTPSConnection(
            host, port, timeout=3, context=context
        )
    else:
        link = http.client.HTTPConnection(host, port, timeout=3)
    try:
        link.request("GET", "/readyz", headers=headers)
        answer = link.getresponse()
        return answer.status, answer.read(4000).decode(errors="replace")
    except (OSError, http.client.HTTPException, socket.gaierror):
        return 0, ""
    finally:
        link.close()


def _missing(body: str) -> str:
    try:
        return json.dumps(json.loads(body))[:600]
    except ValueError:
        return body[:200].replace("\n", " ")
