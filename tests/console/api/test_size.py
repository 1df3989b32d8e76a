"""POST /api/strategies/{id}/size."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from riskctl.models import Approval
from tests.console.access.world import limits
from tests.console.api.brakes import sent
from tests.console.api.conftest import with_both_factors
from tests.console.conftest import person
from trading.models import Strategy

pytestmark = pytest.mark.django_db

PATH = "/api/strategies/mom-eurusd/size"


@pytest.fixture
def browser(strategy: Strategy, mercy: User) -> Client:
    limits("mom-eurusd", order="240000", position="150000", gross="300000")
    return with_both_factors(Client(), mercy)


def size() -> Decimal:
    return Decimal(Strategy.objects.get(key="mom-eurusd").size_notional)


def refused(answer: Any, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.content
    body: dict[str, Any] = answer.json()
    assert body["code"] == code, body
    return body


def test_as_the_runbook_says_it(browser: Client) -> None:
    answer = sent(browser, PATH, {"size": "25000.00"})
    assert answer.status_code == 200, answer.content
    assert answer.json() == {
        "strategy": "mom-eurusd", "before": "100000", "size": "25000", "version": 2
    }  # fmt: skip
    assert answer["ETag"] == '"2"'
    assert size() == 25_000
    assert sent(browser, PATH + "/", {"size": "120000", "reason": "calm"}).status_code == 200


def test_higher_with_an_old_factor_is_refused_and_lower_is_not(
    browser: Client, mercy: User
) -> None:
    stale = with_both_factors(Client(), mercy, age_s=900)
    refused(sent(stale, PATH, {"size": "110000"}), 403, "size-needs-step-up")
    assert sent(stale, PATH, {"size": "90000"}).status_code == 200
    assert size() == 90_000


@pytest.mark.parametrize("form", ['"1"', "1", 'W/"1"', "*"])
def test_if_match_names_the_version(browser: Client, form: str) -> None:
    assert sent(browser, PATH, {"size": "90000"}, **{"If-Match": form}).status_code == 200
    answer = sent(browser, PATH, {"size": "80000"}, **{"If-Match": form})
    if form == "*":
        assert answer.status_code == 200
        return
    refused(answer, 412, "size-version")
    assert size() == 90_000


def test_an_if_match_that_is_no_version(browser: Client) -> None:
    body = refused(
        sent(browser, PATH, {"size": "9"}, **{"If-Match": '"x"'}), 400, "query-invalid"
    )  # fmt: skip
    assert body["field"] == "If-Match"


def test_beyond_its_limits_it_is_asked_for(browser: Client) -> None:
    answer = sent(browser, PATH, {"size": "200000", "reason": "larger book"})
    assert answer.status_code == 202, answer.content
    row = Approval.objects.get()
    assert answer["Location"] == f"/api/approvals/{row.id}"
    assert answer.json()["kind"] == "size-raise"
    assert size() == 100_000
    ada = with_both_factors(Client(), person("ada.nwosu", "risk"))
    done = sent(ada, f"/api/approvals/{row.id}/approve", {"digest": row.digest})
    assert done.status_code == 200, done.content
    assert size() == 200_000
    own = sent(browser, PATH, {"size": "300000", "reason": "more"}).json()["id"]
    mine = Approval.objects.get(id=own)
    refused(
        sent(browser, f"/api/approvals/{own}/approve", {"digest": mine.digest}),
        403,
        "approval-own-request",
    )


def test_beyond_its_limits_it_says_why(browser: Client) -> None:
    body = refused(sent(browser, PATH, {"size": "200000"}), 400, "body-invalid")
    assert body["field"] == "reason"


@pytest.mark.parametrize(
    ("body", "field"),
    [({}, "size"), ({"size": 25000}, "size"), ({"size": "0"}, "size"), ({"size": "x"}, "size"),
     ({"size": "1", "limit": "2"}, "limit")],
)  # fmt: skip
def test_what_is_no_size(browser: Client, body: dict[str, Any], field: str) -> None:
    assert refused(sent(browser, PATH, body), 400, "body-invalid")["field"] == field


def test_another_traders_own_and_roles_that_size_nothing(browser: Client, tomas: User) -> None:
    for who in (tomas, person("jonas.lindqvist", "sre"), person("ruth.adeyemi", "compliance")):
        answer = sent(with_both_factors(Client(), who), PATH, {"size": "1"})
        refused(answer, 403, "size-not-yours")
    assert size() == 100_000


def test_tokens_size_nothing(browser: Client, new_token: Callable[..., str]) -> None:
    text = new_token("read", "stop", "flatten")
    client = Client(headers={"Authorization": f"Bearer {text}"})
    refused(sent(client, PATH, {"size": "1"}), 403, "size-tokens-cannot")
    assert size() == 100_000


def test_a_repeated_key_sets_it_once(browser: Client) -> None:
    first, again = (
        sent(browser, PATH, {"size": "90000"}, **{"Idempotency-Key": "k-1"}).json()
        for _ in range(2)
    )
    assert first == again
    assert Strategy.objects.get(key="mom-eurusd").version == 2
