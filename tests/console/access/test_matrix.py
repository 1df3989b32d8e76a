"""Every endpoint as every caller, against the table that people read.

What is asked comes from the URLconf and from the table; what is allowed is decided by the code.
"""

import datetime as dt
import logging
import re
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from django.test import override_settings
from pytest_django import DjangoDbBlocker

from console.access.matrix import TABLE, Row
from console.access.matrix.addresses import CATCH_ALL
from console.access.matrix.rows import EVERYBODY, Caller, Door, Face
from console.stores import redis_client
from riskctl.desk import brakes_desk
from riskctl.placement import Placement
from tests.console.access.matrix.asking import all_cells_of, asked, cells_of, nothing_done
from tests.console.access.matrix.socketry import sockets_differ
from tests.console.access.matrix.world import World, build
from tests.support.flush import emptied
from tests.support.gateways import fake_gateways
from trading.models import Fill, Order
from trading.triggers.publishing import PATH_KEY

pytestmark = pytest.mark.django_db

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
HTTP = [row for row in TABLE if row.face is not Face.SOCKET]
PATHS = sorted({row.path for row in HTTP} - set(CATCH_ALL.values()))


@pytest.fixture(scope="module")
def world(
    django_db_setup: None,
    django_db_blocker: DjangoDbBlocker,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[World]:
    """Committed once for all lines; every request is undone, and all of it at the end."""
    home = tmp_path_factory.mktemp("matrix")
    changed = override_settings(BRAKES_HOME=home / "brakes", SIGNING_KEY_FILE=home / "signing.pem")
    with django_db_blocker.unblock(), pytest.MonkeyPatch.context() as patch, changed:
        logging.disable(logging.CRITICAL)  # eleven thousand requests, each with its lines
        # Written before the answer, not behind it: nothing may be written once a test is over.
        patch.setattr(Placement, "note", Placement.note_now)
        brakes_desk.cache_clear()
        try:
            with fake_gateways(brakes_desk().home, "paper-1", "paper-2"):
                yield build()
        finally:
            for connection in brakes_desk().connections:
                connection.close()
            brakes_desk.cache_clear()
            logging.disable(logging.NOTSET)
            emptied()


@pytest.mark.parametrize("row", HTTP, ids=lambda row: row.name)
def test_everybody_gets_what_the_table_says(world: World, row: Row) -> None:
    world.make_ready()
    told([text for cell in cells_of(row) for text in asked(world, row, cell)])


@pytest.mark.long
@pytest.mark.parametrize("row", HTTP, ids=lambda row: row.name)
def test_every_cell_is_as_the_table_says(world: World, row: Row) -> None:
    """Also those in which it cannot matter who asks."""
    world.make_ready()
    told([text for cell in all_cells_of(row) for text in asked(world, row, cell)])


@pytest.mark.parametrize(
    ("key", "wrong"),
    [
        (("GET", "/api/people", ""), {"who": EVERYBODY}),
        (("GET", "/api/people", ""), {"who": frozenset()}),
        (("GET", "/api/people", ""), {"refusal": "another-code"}),
        (("GET", "/people", ""), {"refusal": "another-code"}),
        (("GET", "/api/roles", ""), {"tokens": frozenset({"read", "stop"})}),
        (("GET", "/api/roles", ""), {"bearer": "another-code"}),
        (("GET", "/api/roles", ""), {"step_up": "another-code"}),
        (("POST", "/api/strategies/{strategy}/stage", "up: asks"), {"step_up": ""}),
        (("GET", "/risk", ""), {"door": Door.PASSWORD}),
        (("GET", "/risk", ""), {"door": Door.OPEN}),
    ],
)
def test_a_wrong_line_is_found_out(
    world: World, key: tuple[str, str, str], wrong: dict[str, Any]
) -> None:
    """What is allowed is decided by the code: another table differs from it."""
    world.make_ready()
    row = next(one for one in TABLE if one.key == key)
    assert not [text for cell in cells_of(row) for text in asked(world, row, cell)]
    changed = replace(row, **wrong)
    assert [text for cell in cells_of(row) for text in asked(world, changed, cell)]


@pytest.mark.parametrize("path", PATHS)
def test_methods_without_a_line_do_nothing(world: World, path: str) -> None:
    """Everybody with a fresh factor is told so; nobody else gets that far."""
    world.make_ready()
    there = [row for row in HTTP if row.path == path]
    others = [name for name in METHODS if name not in {row.method for row in there}]
    lines = [replace(there[0], method=name, case="", refusal="", step_up="") for name in others]
    told([text for row in lines for text in nothing_done(world, row)])


@pytest.mark.parametrize("path", [row.path for row in TABLE if row.face is Face.SOCKET])
def test_a_socket_opens_to_people_with_both_factors_alone(world: World, path: str) -> None:
    world.make_ready()
    told(sockets_differ(world, path))


TRIGGER = {
    "name": "daily-loss", "what": "daily loss", "scope": "firm", "state": "ok", "unit": "USD",
    "value": "0", "threshold": "50000", "share": "0", "kind": "breaker", "mode": "HALTED",
    "formula": "the day's loss",
}  # fmt: skip
HISTORIES = (
    ("/risk/limits", "object=limit:strategy:mom-eurusd/order-notional"),
    ("/tokens", "object=token:{token}"),
    ("/sessions", "object=session:{session}"),
    ("/strategies/mom-eurusd", "story=o-1"),
    ("/strategies/mom-eurusd", "story=paper-1/7"),
    ("/risk", "q=daily-loss"),
    ("/risk/triggers", "q=daily-loss"),
    ("/risk", "object=deadman"),
    ("/pipeline", "object=account"),
    ("/pipeline", "object=lease"),
    ("/pipeline", "object=feed"),
    ("/break-glass", "object=break-glass:{use}"),
    ("/holds", "object=maintenance:{planned}"),
    ("/access-review/{review}", "object=access-review:{review}"),
)
"""Where things stand, and the search of the record that each leads to. Holds, requests, strategies
and people have theirs in tests/pages/test_audit_page.py."""


def test_things_lead_to_their_history_whoever_may_read_it(world: World) -> None:
    """And to nothing for a trader; each address is a search that the record understands."""
    world.make_ready()
    an_order_and_its_fill()
    redis_client().set(PATH_KEY, msgspec.json.encode({"as_of": "-" * 20, "triggers": [TRIGGER]}))
    risk, trader = (world.sessions[one, "full"] for one in (Caller.RISK, Caller.OWN))
    own = {name: world.own[name][Caller.RISK] for name in ("token", "session")}
    try:
        for path, query in HISTORIES:
            there = path.format(**world.things)
            href = f"/audit?{query.format(**{**world.things, **own})}"
            html = risk.get(there).content.decode()
            assert re.search(f'class="to-record(-name)?" href="{re.escape(href)}"', html), (
                there,
                href,
            )
            assert risk.get(href).status_code == 200, href
            assert "to-record" not in trader.get(there).content.decode(), there
    finally:
        redis_client().delete(PATH_KEY)


def an_order_and_its_fill() -> None:
    now = dt.datetime.now(dt.UTC)
    traded = {"account_id": "paper-1", "strategy_id": "mom-eurusd", "symbol": "EURUSD",
              "side": "buy", "quantity": 1000}  # fmt: skip
    order = Order.objects.create(
        **traded, client_order_id="o-1", intent_id="i-1", correlation_id="c", order_type="limit",
        time_in_force="ioc", reference_price=Decimal("1.1"), state="filled", shard="shard:0",
        shard_token=1, tick_time=now, created_at=now,
    )  # fmt: skip
    Fill.objects.create(
        **traded, venue_fill_id="f-1", sequence=7, order=order, price=Decimal("1.1"), fee=0,
        fee_currency="USD", venue_time=now, feed_time=now,
    )  # fmt: skip


def told(wrong: list[str]) -> None:
    if wrong:
        pytest.fail("\n".join(wrong), pytrace=False)
