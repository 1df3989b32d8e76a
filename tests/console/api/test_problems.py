"""Every error that the API documents, as problem+json."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client, RequestFactory
from redis import Redis
from rest_framework import exceptions
from rest_framework.parsers import JSONParser
from rest_framework.request import Request
from rest_framework.response import Response

from console.api import views
from console.api.base import ApiView
from console.api.problems import MEDIA_TYPE
from tests.console.conftest import entries

pytestmark = pytest.mark.django_db

LISTS = [
    "/api/positions", "/api/broker-positions", "/api/orders", "/orders/open", "/api/executions",
    "/api/signals", "/api/signals/latest", "/api/latest-prices",
]  # fmt: skip
OTHERS = ["/api/trading-status", "/api/positions/summary", "/api/data-freshness", "/api/schema"]


def problem(answer: Any, status: int, code: str) -> dict[str, Any]:
    """The problem in ``answer``, after looking at what all problems share."""
    assert (answer.status_code, answer["Content-Type"]) == (status, MEDIA_TYPE)
    body: dict[str, Any] = answer.json()
    assert (body["status"], body["code"], body["type"]) == (status, code, "about:blank")
    assert body["title"]
    assert body["detail"]
    assert body["request_id"] == answer["X-Request-ID"]
    return body


@pytest.mark.parametrize("path", [*LISTS, *OTHERS])
@pytest.mark.parametrize("slash", ["", "/"])
def test_every_address_answers_with_and_without_a_slash(
    caller: Client, path: str, slash: str
) -> None:
    answer = caller.get(path + slash)
    assert answer.status_code == 200
    assert isinstance(answer.json(), list if path in LISTS else dict)
    assert caller.head(path + slash).status_code == 200


@pytest.mark.parametrize("path", [*LISTS, *OTHERS, "/healthz", "/healthz/feed", "/readyz"])
def test_unknown_query_fields_are_named(caller: Client, path: str) -> None:
    body = problem(caller.get(f"{path}?colour=red"), 400, "query-invalid")
    assert body["field"] == "colour"
    assert "limit" in body["allowed"] if path in LISTS else body["allowed"] == "no query fields"


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("limit", ["0", "1001", "-1", "1.5", "ten", "", "١٠", "1e2", "99999999999"])
def test_limits_that_are_none(caller: Client, path: str, limit: str) -> None:
    body = problem(caller.get(path, {"limit": limit}), 400, "query-invalid")
    assert (body["field"], body["allowed"]) == ("limit", "a whole number from 1 to 1000")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("status=done", "status"),
        ("status=OPEN", "status"),
        ("status=", "status"),
        ("side=long", "side"),
        ("symbol=EUR/USD", "symbol"),
        ("symbol=%00", "symbol"),
        ("strategy=" + "x" * 81, "strategy"),
        ("account=';--", "account"),
        ("limit=1&limit=2", "limit"),
        ("cursor=nonsense", "cursor"),
        ("cursor=WzEsMl0", "cursor"),
        ("cursor=W10", "cursor"),
        ("cursor=", "cursor"),
        ("cursor=" + "a" * 401, "cursor"),
        ("token=hl_whatever", "token"),
    ],
)
def test_wrong_values_are_named_with_what_is_allowed(
    caller: Client, query: str, field: str
) -> None:
    body = problem(caller.get(f"/api/orders?{query}"), 400, "query-invalid")
    assert body["field"] == field
    assert body["allowed"]
    assert "hl_whatever" not in str(body)


def test_a_cursor_of_another_list_is_refused(caller: Client) -> None:
    cursor = "WyIyMDI2LTExLTIxVDA5OjMwOjAxKzAwOjAwIiwicGFwZXItMSJd"
    assert caller.get(f"/api/orders?cursor={cursor}").status_code == 200
    body = problem(caller.get(f"/api/executions?cursor={cursor}"), 400, "query-invalid")
    assert body["field"] == "cursor"


def test_what_is_allowed_is_listed(caller: Client) -> None:
    body = problem(caller.get("/api/orders?status=done"), 400, "query-invalid")
    assert {"open", "pending", "unknown", "filled"} <= set(body["allowed"])


@pytest.mark.parametrize("path", [*LISTS, *OTHERS])
@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "options"])
def test_only_reading_is_done_here(caller: Client, path: str, method: str) -> None:
    answer = getattr(caller, method)(path, "{not json", content_type="application/json")
    problem(answer, 405, "method-not-allowed")
    assert answer["Allow"] == "GET, HEAD"


@pytest.mark.parametrize(
    "path",
    ["/api/no-such", "/api/", "/api", "/orders", "/orders/1", "/emergency/stop",
     "/trading", "/test/inject", "/api/holds/7/lift", "/healthz/no-such"],
)  # fmt: skip
def test_addresses_that_are_none(caller: Client, path: str) -> None:
    problem(caller.post(path) if path != "/healthz/no-such" else caller.get(path), 404, "not-found")


def test_other_forms_are_not_acceptable(caller: Client) -> None:
    problem(caller.get("/api/orders", headers={"Accept": "text/csv"}), 406, "not-acceptable")
    for accepted in ("*/*", "application/*", "application/json", "text/html, */*;q=0.1"):
        assert caller.get("/api/orders", headers={"Accept": accepted}).status_code == 200


def test_a_bad_host_is_a_problem_too(caller: Client, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["testserver"]
    problem(caller.get("/api/orders", headers={"Host": "evil.example"}), 400, "request-malformed")


def test_a_defect_is_told_without_its_inside(
    caller: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(**_: str) -> None:
        raise RuntimeError("the inside")

    monkeypatch.setattr("trading.selectors.orders", fails)
    body = problem(caller.get("/api/orders"), 500, "internal")
    assert "inside" not in str(body)


def test_redis_out(caller: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = Redis.from_url("redis://127.0.0.1:1", socket_connect_timeout=0.2)
    monkeypatch.setattr(views, "redis_client", lambda: nowhere)
    for path in ("/api/latest-prices", "/api/data-freshness"):
        answer = caller.get(path)
        problem(answer, 503, "redis-unreachable")
        assert int(answer["Retry-After"]) > 0
    for path in ("/api/positions", "/api/orders", "/api/trading-status", "/api/positions/summary"):
        assert caller.get(path).status_code == 200


def test_refusals_are_slowed_and_good_tokens_are_not(caller: Client) -> None:
    stranger = Client()
    answers = [stranger.get("/api/orders") for _ in range(62)]
    problem(answers[0], 401, "not-authenticated")
    problem(answers[-1], 429, "rate-limited")
    assert int(answers[-1]["Retry-After"]) >= 1
    assert caller.get("/api/orders").status_code == 200
    assert len(entries("access.deny")) == 62


class Echo(ApiView):
    """Stands for the writes to come: what a body that is none is answered with."""

    http_method_names = ["post"]
    parser_classes = [JSONParser]

    def post(self, request: Request) -> Response:
        if "busy" in request.data:
            raise exceptions.PermissionDenied
        return Response(request.data)


@pytest.mark.parametrize(
    ("body", "kind", "status", "code"),
    [
        ("{", "application/json", 400, "body-malformed"),
        ("a,b", "text/csv", 415, "media-type-unsupported"),
        ('["busy"]', "application/json", 403, "forbidden"),
    ],
)
def test_bodies_and_refusals_of_views(
    new_token: Callable[..., str], body: str, kind: str, status: int, code: str
) -> None:
    request = RequestFactory(headers={"Authorization": f"Bearer {new_token()}"}).post(
        "/api/echo", body, content_type=kind
    )
    answer = Echo.as_view()(request)
    answer.render()
    assert (answer.status_code, answer["Content-Type"]) == (status, MEDIA_TYPE)
    assert answer.data["code"] == code


def test_every_documented_status_is_tried_here() -> None:
    source = Path(__file__).read_text(encoding="utf-8")
    for status in (400, 401, 403, 404, 405, 406, 415, 429, 500, 503):
        assert re.search(rf"\b{status}\b, ", source), status


def test_a_request_costs_few_statements(caller: Client, django_assert_max_num_queries: Any) -> None:
    caller.get("/api/orders")
    with django_assert_max_num_queries(3, connection=connection):  # token, rights, rows
        caller.get("/api/orders")
