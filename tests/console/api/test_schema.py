"""/api/schema and /api/docs."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from console.api.problems import MEDIA_TYPE

pytestmark = pytest.mark.django_db


@pytest.fixture
def schema(caller: Client) -> dict[str, Any]:
    found: dict[str, Any] = caller.get("/api/schema").json()
    return found


PATHS = {
    "/api/broker-positions", "/api/data-freshness", "/api/executions", "/api/latest-prices",
    "/api/orders", "/api/positions", "/api/positions/summary", "/api/signals",
    "/api/signals/latest", "/api/trading-status", "/healthz", "/healthz/{stage}", "/orders/open",
    "/readyz", "/api/reconcile/generate-report", "/api/reconciliations", "/api/holds",
    "/api/holds/{hold_id}", "/api/holds/{hold_id}/lift", "/api/approvals",
    "/api/approvals/{approval_id}", "/api/approvals/{approval_id}/approve",
    "/api/approvals/{approval_id}/reject", "/api/approvals/{approval_id}/withdraw",
    "/api/deadman", "/api/triggers", "/api/triggers/{trigger}", "/api/stages", "/api/maintenance",
    "/api/maintenance/{scheduled_id}/withdraw", "/api/regulatory",
    "/api/strategies/{strategy}/pause", "/api/strategies/{strategy}/kill",
    "/api/strategies/{strategy}/resume", "/api/strategies/{strategy}/stage", "/trading/halt",
    "/emergency/stop-trading", "/emergency/freeze", "/emergency/stop-new-positions",
    "/emergency/close-all-positions", "/orders/cancel-all", "/api/sessions",
    "/emergency/set-stop-losses",
    "/api/sessions/revoke-others", "/api/sessions/{session_id}/revoke", "/api/tokens",
    "/api/tokens/{token_id}/collect", "/api/tokens/{token_id}/revoke",
    "/api/tokens/{token_id}/rotate",
    "/api/access-alerts", "/api/access-alerts/{escalation_id}/acknowledge",
    "/api/access-review", "/api/access-reviews", "/api/access-reviews/{review_id}",
    "/api/break-glass", "/api/break-glass/uses", "/api/break-glass/uses/{use_id}/keep",
    "/api/break-glass/uses/{use_id}/return", "/api/break-glass/{leave_id}/end", "/api/desks",
    "/api/holds/{hold_id}/break-glass", "/api/limits", "/api/limits/{scope}/{kind}",
    "/api/audit", "/api/audit/{entry_id}", "/api/audit/{entry_id}/proof",
    "/api/audit/story/{ident}",
    "/api/people", "/api/people/{username}", "/api/people/{username}/disable",
    "/api/people/{username}/enable", "/api/people/{username}/grant",
    "/api/people/{username}/revoke", "/api/roles", "/api/strategies/{strategy}/size",
    "/api/audit/verify", "/api/audit/export",
    "/api/strategies/{strategy}/performance", "/api/risk-metrics/current",
    "/api/risk-metrics/utilization", "/api/signals/validate-recent",
    "/api/metrics/signal-accuracy", "/api/metrics/accuracy", "/api/metrics/signal-distribution",
    "/test/inject-price", "/test/generate-signal", "/test/validate-signal", "/test/dry-run-order",
    "/test/validate-test-signal", "/api/stop-losses",
    "/test/broker-connectivity", "/api/markets", "/api/metrics/signal-rate",
    "/api/metrics/confidence-distribution",
    "/api/metrics/performance", "/api/metrics/slippage", "/api/metrics/fill-rate",
    "/api/metrics/execution-times",
    "/api/engine-check",
    "/api/engine-alerts", "/api/engines", "/api/engines/{engine}",
    "/api/engines/{engine}/versions", "/api/engines/{engine}/diff",
    "/api/engines/{engine}/backtests", "/api/engines/{engine}/ask",
    "/api/engines/{engine}/patch", "/api/engines/{engine}/gates",
    "/api/engines/{engine}/paper-days", "/api/engines/{engine}/sign-off",
    "/api/engines/{engine}/sign-off/withdraw", "/api/drills",
}  # fmt: skip


def test_it_is_sound_and_without_a_warning(tmp_path: Any) -> None:
    where = str(tmp_path / "schema.yml")
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", where)


def test_it_names_every_address(schema: dict[str, Any]) -> None:
    assert schema["openapi"].startswith("3.1")
    assert {re.sub(r"/$", "", path) for path in schema["paths"]} == PATHS


def test_every_address_tells_its_errors_and_how_to_be_let_in(schema: dict[str, Any]) -> None:
    for path, method, operation in operations(schema):
        answers = operation["responses"]
        probe = path.startswith(("/healthz", "/readyz"))
        wanted = {"400", "405", "406", "500"} | (set() if probe else {"401", "403", "429", "503"})
        assert wanted <= answers.keys(), path
        assert all(
            MEDIA_TYPE in answer["content"]
            for status, answer in answers.items()
            if status[0] != "2" and not (probe and status == "503")
        ), (method, path)
        assert ("security" not in operation or operation["security"] == [{}]) == probe, path
    assert schema["components"]["securitySchemes"]["token"]["scheme"] == "bearer"


def operations(schema: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def test_every_post_says_its_body_and_takes_a_key(schema: dict[str, Any]) -> None:
    posts = [(path, one) for path, method, one in operations(schema) if method == "post"]
    assert len(posts) == 54
    for path, operation in posts:
        assert "application/json" in operation["requestBody"]["content"], path
        headers = {one["name"] for one in operation.get("parameters", []) if one["in"] == "header"}
        assert headers == {"Idempotency-Key"} or "generate-report" in path, path
        assert len({one["operationId"] for _, one in posts}) == len(posts)


def test_money_is_a_string_everywhere(schema: dict[str, Any]) -> None:
    numbers = {
        name
        for shape in schema["components"]["schemas"].values()
        for name, part in shape.get("properties", {}).items()
        if part.get("type") == "number"
    }
    assert numbers == {
        "score", "confidence", "horizon_s", "mean", "median", "per_hour", "percentage",
    }  # fmt: skip


def test_the_page_lists_them_all_with_nothing_from_elsewhere(desk_browser: Client) -> None:
    page = desk_browser.get("/api/docs").content.decode()
    for path in PATHS:
        assert path in page
    assert not re.search(r"(?:src|href)=\"(?:https?:)?//", page)
    assert "<script>" not in page
    assert "style=" not in page


def test_both_are_closed(browser: Client) -> None:
    assert browser.get("/api/schema").status_code == 401
    assert browser.get("/api/docs")["Location"].startswith("/sign-in")
