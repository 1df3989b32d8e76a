"""A firm hold's receipt, read by a trader of one desk: true counts, and no order of another's."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from riskctl.desk import brakes_desk
from riskctl.holdrows import step_statements
from riskctl.holds import TRADER
from riskctl.models import Hold
from tests.approvals.people import hold
from tests.console.access.world import on, two_desks
from tests.console.api.conftest import new_order, with_both_factors
from tests.console.conftest import person
from trading import clock
from trading.models import Strategy

pytestmark = pytest.mark.django_db

OURS, THEIRS, MORE = "paper-1.mom-fx.EURUSD.1", "paper-2.mom-btc.BTCUSDT.1", "paper-2.stray"
OTHERS = ("mom-btc", "BTCUSDT", MORE)


def step(of: Hold, name: str, account: str = "", part: str = "", **facts: Any) -> None:
    written = step_statements(
        hold_id=str(of.id), name=name, part=part, account=account, wall_ns=clock.wall_ns(),
        facts=facts, actor="host:1", signer=brakes_desk().signer,
    )  # fmt: skip
    with connection.cursor() as cursor:
        for sql, row in written:
            cursor.execute(sql, row)


@pytest.fixture
def killed() -> Hold:
    """The firm, with orders of both desks and one that the venue alone knows."""
    found = two_desks()
    nina = person("nina.fx", TRADER)
    nina.desks.clear()
    on(found.fx, nina)
    for number, (key, ident) in enumerate((("mom-fx", OURS), ("mom-btc", THEIRS))):
        new_order(Strategy.objects.get(key=key), number, client_order_id=ident)
    one = hold(scope="firm")
    step(one, "acknowledged", "paper-2", in_flight=[THEIRS], lag_us=1_000)
    step(one, "effective", in_flight=[OURS, THEIRS, MORE], latched_us=900, effective_us=1_000)
    step(one, "cancel-confirmed", "paper-1", OURS, order=OURS, state="cancelled")
    step(one, "cancel-confirmed", "paper-2", THEIRS, order=THEIRS, state="cancelled")
    step(one, "still-open", "paper-2", orders=[MORE], count=1)
    step(one, "unclosable", "paper-2", positions=[{"symbol": "BTCUSDT", "why": "no lot"}])
    step(one, "unclosable", "paper-1", positions=[{"symbol": "EURUSD", "why": "no lot"}])
    return one


def receipt(killed: Hold, username: str) -> tuple[dict[str, Any], str]:
    """By REST and as a page."""
    client = with_both_factors(Client(), User.objects.get(username=username))
    body = client.get(f"/api/holds/{killed.id}")
    page = client.get(f"/holds/{killed.id}")
    assert (body.status_code, page.status_code) == (200, 200)
    return body.json(), body.content.decode() + page.content.decode()


def test_orders_of_another_desk_keep_their_place_and_lose_their_name(killed: Hold) -> None:
    body, text = receipt(killed, "nina.fx")
    assert [one for one in OTHERS if one in text] == []
    assert OURS in text
    flying = body["in_flight"]
    assert (flying[0], len(flying), len(set(flying))) == (OURS, 3, 3)
    assert body["cancelled"]["count"] == 2
    assert len(body["still_open"][0]["orders"]) == 1
    assert [one["positions"] for one in body["flattening"]] == [
        [], [{"symbol": "EURUSD", "why": "no lot"}],
    ]  # fmt: skip


def test_what_was_signed_is_shown_whole_or_not_at_all(killed: Hold) -> None:
    body, _ = receipt(killed, "nina.fx")
    whole = {(one["step"], one["account"]) for one in body["steps"] if one["signed"]}
    assert whole == {("cancel-confirmed", "paper-1"), ("unclosable", "paper-1")}
    assert all(one["signature"] for one in body["steps"])


def test_who_sees_every_strategy_reads_it_as_it_is(killed: Hold) -> None:
    person("ada.nwosu", "risk")
    body, text = receipt(killed, "ada.nwosu")
    assert body["in_flight"] == [OURS, THEIRS, MORE]
    assert all(one in text for one in OTHERS)
    assert all(one["signed"] for one in body["steps"])
