"""Every curl line of the runbooks that this API has so far, as it stands there."""

import json
import shlex
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest
from django.test import Client

from audit.models import Entry
from tests.console.api.brakes import BrakesDesk
from tests.console.api.conftest import PathAnswers

pytestmark = pytest.mark.django_db(transaction=True)

# incident-response-runbook.md and incident-playbook.md, letter by letter but for continued lines.
WRITTEN = r"""
curl -X POST http://localhost:8080/emergency/stop-trading -H "Content-Type: application/json" -d '{"reason": "incident_response", "operator": "'$USER'"}'
curl http://localhost:8080/api/trading-status
curl http://localhost:8080/api/positions?status=open
curl -X POST http://localhost:8080/emergency/close-all-positions -H "Content-Type: application/json" -d '{"reason": "risk_management", "operator": "'$USER'"}'
curl -X POST http://localhost:8080/emergency/set-stop-losses -H "Content-Type: application/json" -d '{"percentage": 2.0, "operator": "'$USER'"}'
curl http://localhost:8083/healthz
curl http://localhost:8083/api/signals?limit=10
curl http://localhost:8081/api/latest-prices
curl http://localhost:8081/api/data-freshness
curl http://localhost:8085/api/orders?status=pending
curl http://localhost:8085/api/executions?limit=10
curl http://localhost:8085/test/broker-connectivity
curl -X POST http://localhost:8083/test/generate-signal -H "Content-Type: application/json" -d '{"symbol": "EURUSD", "test_mode": true}'
curl -X POST http://localhost:8081/test/inject-price -H "Content-Type: application/json" -d '{"symbol": "EURUSD", "bid": 1.0850, "ask": 1.0852}'
curl -X POST http://localhost:8084/test/validate-signal -H "Content-Type: application/json" -d '{"signal_id": "test_123", "symbol": "EURUSD", "confidence": 0.8}'
curl -X POST http://localhost:8084/test/validate-test-signal
curl -X POST http://localhost:8085/test/dry-run-order
curl http://localhost:8080/api/positions
curl http://localhost:8085/api/broker-positions
curl -X POST http://localhost:8080/api/reconcile/generate-report
curl -w "@curl-format.txt" -o /dev/null -s http://localhost:8083/api/signals/latest
curl -X POST http://localhost:8084/emergency/stop-new-positions -d '{"reason": "system_instability"}'
curl -s http://localhost:8080/api/positions/summary
curl http://localhost:8083/api/signals?limit=3
curl http://localhost:8083/api/metrics/signal-accuracy
curl http://localhost:8083/api/signals/validate-recent
curl http://localhost:8083/api/metrics/signal-distribution
curl http://localhost:8083/api/metrics/signal-rate?period=1h
curl http://localhost:8083/api/metrics/confidence-distribution?period=1h
curl http://localhost:8083/api/metrics/accuracy?period=24h
curl http://localhost:8085/api/metrics/slippage?period=1h
curl http://localhost:8085/api/metrics/fill-rate?period=1h
curl http://localhost:8085/api/metrics/execution-times?period=1h
curl -X POST http://oms:8080/trading/halt -d '{"reason":"unexpected-orders","operator":"<your-name>"}'
curl http://oms:8080/orders/open
curl -X POST http://oms:8080/orders/cancel-all
"""  # noqa: E501
NEEDS = {
    "/emergency/close-all-positions": "flatten", "/emergency/set-stop-losses": "flatten",
    "/api/reconcile/generate-report": "read",
    **{f"/test/{one}": "trade-test" for one in (
        "generate-signal", "inject-price", "validate-signal", "validate-test-signal",
        "dry-run-order",
    )},
}  # fmt: skip


@dataclass(frozen=True)
class Line:
    """One curl: what it would send."""

    text: str
    method: str
    address: str
    body: str
    content_type: str

    @property
    def path(self) -> str:
        return urlsplit(self.address).path


def parsed(text: str) -> Line:
    """As curl reads its arguments: ``-d`` makes a POST, of a form unless a header says else."""
    words = shlex.split(text.replace("'$USER'", "m.okafor"))[1:]
    method, body, address, kind = "", "", "", "application/x-www-form-urlencoded"
    while words:
        word = words.pop(0)
        if word == "-X":
            method = words.pop(0)
        elif word == "-d":
            body = words.pop(0)
        elif word == "-H":
            kind = words.pop(0).partition(": ")[2]
        elif word in ("-w", "-o"):
            words.pop(0)
        elif word.startswith("http"):
            address = word
    return Line(text, method or ("POST" if body else "GET"), address, body, kind)


LINES = [parsed(text) for text in WRITTEN.strip().splitlines()]


@pytest.mark.parametrize("line", LINES, ids=[f"{one.method} {one.path}" for one in LINES])
def test_a_line_works_as_it_is_written(
    brakes: BrakesDesk, path_answers: PathAnswers, line: Line
) -> None:
    if line.method == "GET":
        client = Client() if line.path == "/healthz" else brakes.token("read")
    else:
        client = brakes.token(NEEDS.get(line.path, "stop"))
    there = urlsplit(line.address)
    address = f"{there.path}?{there.query}" if there.query else there.path
    answer = client.generic(line.method, address, line.body, content_type=line.content_type)
    assert answer.status_code == 200, answer.content
    if line.path.startswith("/test/"):
        assert line.method == "GET" or Entry.objects.filter(action__startswith="test.").exists()
    elif line.body and "hold" in answer.json():
        hold = answer.json()["hold"]
        sent = json.loads(line.body)
        assert hold["reason"] == sent.get("reason")
        assert hold["on_behalf_of"] == sent.get("operator", "mercy.okafor")
