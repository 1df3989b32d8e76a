"""What a new user does first, on the running desk: sign in, watch PnL move, call the API."""

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from scripts.totp import current_code
from tests.desk.judge import ready
from tests.pages.web import Chromium, Visitor
from tests.support.desk import Desk

pytestmark = [pytest.mark.desk, pytest.mark.timeout(300)]

MERCY = "mercy.okafor"
HELD_BY_THE_VENUE = "SELECT 1 FROM trading_venuereading WHERE positions::text <> '[]' LIMIT 1"


@pytest.fixture
def visitor(desk: Desk) -> Iterator[Visitor]:
    """A browser on the sign-in page."""
    desk.wait_for(lambda: ready(desk), 60, "ready")
    with ExitStack() as stack:
        chromium = stack.enter_context(Chromium())
        context = chromium.do(lambda: chromium.lend(viewport={"width": 1440, "height": 900}))
        yield Visitor(chromium, context, desk.url + "/")


def sign_in(desk: Desk, visitor: Visitor, username: str = MERCY) -> None:
    password = next(one["password"] for one in desk.demo["users"] if one["username"] == username)
    visitor.do(lambda page: page.get_by_label("User name").fill(username))
    visitor.do(lambda page: page.get_by_label("Password").fill(password))
    visitor.do(lambda page: page.keyboard.press("Enter"))
    visitor.wait_for_address("**/sign-in/factor**", 10)
    code = current_code(desk.home, username).split()[0]
    visitor.do(lambda page: page.locator("input[name=code]").fill(code))
    visitor.do(lambda page: page.keyboard.press("Enter"))
    visitor.wait_for_address(desk.url + "/", 10)


@pytest.mark.browser
def test_sign_in_and_watch_pnl_move(desk: Desk, visitor: Visitor) -> None:
    desk.wait_for(lambda: desk.sql(HELD_BY_THE_VENUE), 90, "holding positions at the venue")
    assert "/sign-in" in visitor.evaluate("location.pathname")
    sign_in(desk, visitor)
    visitor.wait_for_state("live", 15)
    assert visitor.title == "PAPER · ACTIVE · Desk · Haltline"
    strategies = {key for (key,) in desk.sql("SELECT key FROM trading_strategy")}
    table = visitor.text("main table")
    assert all(key in table for key in strategies)
    before = visitor.text("main table")
    figures = re.findall(r"[+−]\d[\d,]*\.\d\d", before)
    assert figures, before
    shown = json.dumps(before)
    visitor.wait(f"document.querySelector('main table').innerText !== {shown}", 15)
    assert visitor.complaints == []


@pytest.mark.browser
def test_the_pipeline_shows_every_stage_alive(desk: Desk, visitor: Visitor) -> None:
    sign_in(desk, visitor, "jonas.lindqvist")  # a code signs in once: another person's
    visitor.do(lambda page: page.get_by_role("link", name="Pipeline").click())
    visitor.wait_for_address("**/pipeline", 10)
    visitor.wait_for_state("live", 15)
    text = visitor.text("main")
    for stage in ("Feeds", "Ingestor", "Indicators", "Signals", "Risk check", "Gateway", "Venues"):
        assert stage in text
    for account in ("paper-1", "paper-2"):
        assert account in text
    assert visitor.complaints == []


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/api/trading-status", {"mode", "scopes", "holds", "epoch", "licences", "as_of"}),
        ("/api/positions", {"symbol", "quantity", "unrealized_pnl", "entry_price"}),
        ("/api/positions?status=open", {"symbol", "quantity"}),
        ("/api/positions/summary", {"total_unrealized_pnl"}),
        ("/api/broker-positions", {"symbol", "quantity", "account"}),
        ("/api/orders?limit=3", {"order_id", "status", "quantity"}),
        ("/api/executions?limit=3", {"order_id", "status", "execution_time"}),
        ("/api/signals?limit=3", {"id", "symbol", "confidence", "timestamp"}),
        ("/api/signals/latest", {"id", "symbol"}),
        ("/api/latest-prices", {"symbol", "bid", "ask", "timestamp"}),
        ("/api/data-freshness", {"feed", "symbols"}),
        ("/orders/open", set()),
        ("/api/schema", {"openapi", "paths"}),
    ],
)
def test_every_endpoint_answers_a_token_and_nobody_else(
    desk: Desk, path: str, fields: set[str]
) -> None:
    desk.wait_for(lambda: desk.sql(HELD_BY_THE_VENUE), 90, "holding positions at the venue")
    answer: Any = desk.api(path)
    if isinstance(answer, list):
        assert not fields or answer, f"{path} is empty on a trading desk"
        answer = answer[0] if answer else {}
    assert fields <= set(answer)
    assert desk.get(path)[0] == 401
    assert desk.get(path, {"Authorization": "Bearer hl_nothing"})[0] == 401


@pytest.mark.parametrize("stage", ["data-ingestor", "indicator-engine", "signal-generator",
                                   "risk-manager", "execution-engine", "broker", "database",
                                   "redis", "workers"])  # fmt: skip
def test_every_stage_is_alive(desk: Desk, stage: str) -> None:
    desk.wait_for(lambda: desk.get(f"/healthz/{stage}")[0] == 200, 30, f"{stage} alive")


def test_what_was_done_is_in_the_record(desk: Desk) -> None:
    """Each order and fill of the desk has its entries, written with it."""
    desk.wait_for(lambda: ready(desk), 60, "ready")
    wanted = (
        "SELECT o.client_order_id FROM trading_order o WHERE NOT EXISTS (SELECT 1 FROM audit_entry"
        " e WHERE e.object_kind = 'order' AND e.object_id = o.client_order_id)"
        " UNION ALL SELECT f.venue_fill_id FROM trading_fill f WHERE NOT EXISTS (SELECT 1 FROM"
        " audit_entry e WHERE e.object_kind = 'fill'"
        " AND e.object_id = f.account_id || '/' || f.sequence)"
    )
    assert desk.sql(wanted) == []


def test_demo_json_is_as_scripts_expect_it(desk: Desk) -> None:
    demo = desk.demo
    assert (desk.home / "demo.json").stat().st_mode & 0o777 == 0o600
    assert demo["url"] == f"http://localhost:{desk.port}"
    assert {"read", "stop"} <= set(demo["tokens"])
    roles: list[str] = [role for one in demo["users"] for role in one["roles"]]
    for role, least in (("trader", 2), ("risk", 2), ("sre", 1), ("compliance", 1)):
        assert roles.count(role) >= least
    assert "administrator" in roles
    wanted = {"username", "password", "totp_secret", "roles"}
    assert all(wanted <= set(one) for one in demo["users"])
