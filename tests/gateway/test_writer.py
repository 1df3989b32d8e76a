"""Group commit against a real PostgreSQL: order, idempotence, fence, and a database that goes."""

import asyncio
import datetime as dt
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.utils import timezone

from audit.models import Entry
from riskctl.models import Lease
from tests.gateway.builders import ACCOUNT, STRATEGY, SYMBOL, D, Rig
from tests.support.closed import record_closed
from tests.support.roles import owner
from trading.database import conninfo
from trading.gateway.effects import Persist
from trading.gateway.store import Owner, Statement, statements
from trading.gateway.stored import load
from trading.gateway.writer import LeaseLostError, Writer
from trading.models import Fill, Order, Position, Strategy, VenueAccount
from trading.venues.base import Accepted, Rejected

pytestmark = pytest.mark.django_db(transaction=True)

OWNER = Owner(ACCOUNT, f"gateway:{ACCOUNT}", "here:1:1", 4)


@pytest.fixture
def dsn(settings: Any) -> str:
    VenueAccount.objects.create(name=ACCOUNT, venue="Paper", adapter="x", address="y")
    Strategy.objects.create(
        key=STRATEGY, kind="momentum", owner="m", account_id=ACCOUNT, symbols=[SYMBOL],
        size_notional=1,
    )  # fmt: skip
    now = timezone.now()
    Lease.objects.create(
        name=OWNER.lease, role="gateway", holder=OWNER.holder, token=OWNER.token,
        expires_at=now + dt.timedelta(hours=1), renewed_at=now,
    )  # fmt: skip
    name = connection.settings_dict["NAME"]
    settings.DATABASES["default"]["NAME"] = name
    return conninfo()


def story(rig: Rig) -> list[Statement]:
    """An order that is accepted and filled in two parts, as statements."""
    order = rig.submit()
    rig.take(rig.core.on_venue_event(Accepted(order, "v1"), rig.now()))
    for part in ("4000", "6000"):
        rig.take(rig.core.on_venue_event(rig.fill(order, part), rig.now()))
    return [
        one
        for effect in rig.persisted
        if isinstance(effect, Persist)
        for row in effect.rows
        for one in statements(row, OWNER, rig.wall_ns)
    ]


async def write(dsn: str, jobs: list[list[Statement]], owner: Owner = OWNER) -> list[int]:
    """Write jobs; returns the order in which they became durable."""
    writer, durable = Writer(dsn, owner), list[int]()
    for number, job in enumerate(jobs):
        writer.put(job, lambda number=number: durable.append(number))  # type: ignore[misc]
    task = asyncio.create_task(writer.run())
    drained = asyncio.create_task(writer.drained())
    try:
        await asyncio.wait([task, drained], return_when=asyncio.FIRST_COMPLETED, timeout=20)
        if task.done():
            task.result()
    finally:
        task.cancel()
        drained.cancel()
        await asyncio.gather(task, drained, return_exceptions=True)
    return durable


def test_everything_of_a_story_is_written_once_however_often_it_is_repeated(dsn: str) -> None:
    rig = Rig()
    lines = story(rig)
    assert asyncio.run(write(dsn, [[line] for line in lines])) == list(range(len(lines)))
    asyncio.run(write(dsn, [lines, lines]))
    order = Order.objects.get()
    assert (order.state, order.filled, order.version) == ("filled", 10_000, 4)
    position = Position.objects.get()
    held = rig.core.book.holding(STRATEGY, SYMBOL)
    assert (position.quantity, position.cost) == (held.quantity, held.cost)
    assert (position.realised, position.fees) == (held.realised, held.fees)
    assert list(Fill.objects.order_by("sequence").values_list("quantity", flat=True)) == [
        4000,
        6000,
    ]
    actions = list(Entry.objects.values_list("action", flat=True))
    assert sorted(actions) == sorted(
        ["order.intend", "order.accept", "order.partial-fill", "order.last-fill"]
        + ["fill.book"] * 2
    )


def test_odd_words_of_a_venue_are_kept_as_far_as_a_database_keeps_them(dsn: str) -> None:
    rig = Rig()
    order = rig.submit()
    rejected = Rejected(order, "X\0", "no \ud83d of that\0, caf\u00e9")
    rig.take(rig.core.on_venue_event(rejected, rig.now()))
    written = [one for done in rig.persisted for row in done.rows
               for one in statements(row, OWNER, rig.wall_ns)]  # fmt: skip
    asyncio.run(write(dsn, [written]))
    row = Order.objects.get(client_order_id=order)
    assert (row.state, row.reason_code) == ("rejected", "X\ufffd")
    assert row.reason == "no ? of that\ufffd, caf\u00e9"


def test_an_older_version_never_overwrites_a_newer_one(dsn: str) -> None:
    lines = story(Rig())
    asyncio.run(write(dsn, [lines]))
    asyncio.run(write(dsn, [lines[:2]]))
    assert Order.objects.get().state == "filled"


def test_what_is_read_back_is_what_was_held(dsn: str) -> None:
    rig = Rig()
    asyncio.run(write(dsn, [story(rig)]))

    async def read() -> Any:
        async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as one:
            return await load(one, ACCOUNT)

    loaded = asyncio.run(read())
    held = rig.core.book.order(f"{ACCOUNT}.i1")
    assert held is not None
    (order,) = loaded.orders
    assert (order.state, order.filled, order.version) == (held.state, held.filled, held.version)
    assert loaded.holdings == rig.core.book.holdings
    assert loaded.fill_sequence == 2


def test_no_number_of_ended_orders_leaves_an_open_one_out(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trading.gateway.stored.KEEP_FINAL", 2)
    rig = Rig()
    resting = rig.submit()
    rig.take(rig.core.on_venue_event(Accepted(resting, "v1"), rig.now()))
    for _ in range(4):
        rejected = rig.submit(rig.intent(expected_position=D(10_000)))
        rig.take(rig.core.on_venue_event(Rejected(rejected, "X", "no"), rig.now()))
    rows = [row for done in rig.persisted for row in done.rows]
    written = [one for row in rows for one in statements(row, OWNER, rig.wall_ns)]
    asyncio.run(write(dsn, [written]))
    Order.objects.update(created_at=timezone.now())

    async def read() -> Any:
        async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as one:
            return await load(one, ACCOUNT)

    loaded = [(one.client_order_id, str(one.state)) for one in asyncio.run(read()).orders]
    assert loaded[-1] == (resting, "working")
    assert len(loaded) == 3, "and the newest ended ones, oldest first"


def test_without_the_lease_nothing_is_written(dsn: str) -> None:
    stranger = Owner(ACCOUNT, OWNER.lease, OWNER.holder, OWNER.token - 1)
    with pytest.raises(LeaseLostError):
        asyncio.run(write(dsn, [story(Rig())], stranger))
    assert not Order.objects.exists()
    assert not Fill.objects.exists()
    assert not Entry.objects.exists()


def test_a_cut_connection_is_written_again_and_nothing_is_doubled(dsn: str) -> None:
    rig = Rig()
    lines = story(rig)

    async def cut_while_writing() -> None:
        writer = Writer(dsn, OWNER)
        task = asyncio.create_task(writer.run())
        async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as other:
            for line in lines * 5:
                writer.put([line])
                await other.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND application_name = 'gateway-writer'"
                )
            async with asyncio.timeout(30):
                await writer.drained()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(cut_while_writing())
    assert Order.objects.get().state == "filled"
    assert Fill.objects.count() == 2
    assert Entry.objects.count() == 6


def test_a_batch_the_database_refuses_ends_the_gateway(dsn: str) -> None:
    with pytest.raises(psycopg.Error):
        asyncio.run(write(dsn, [[("SELECT 1/0", None)]]))


def test_a_record_that_takes_no_entry_is_waited_for_and_nothing_is_let_go(dsn: str) -> None:
    """As a database that is away: the order stays unsent, and every fact is entered once."""
    lines = story(Rig())

    async def closed_and_open() -> list[str]:
        told: list[str] = []
        heard = asyncio.Event()

        def hear(can: bool) -> None:
            told.append("can" if can else "cannot")
            heard.set()

        writer = Writer(dsn, OWNER, hear)
        task = asyncio.create_task(writer.run())
        with record_closed():
            writer.put(lines, lambda: told.append("durable"))
            await asyncio.wait_for(heard.wait(), 30)
            writer.put([], lambda: told.append("later"))
            assert not task.done()
            with owner() as own:
                assert own.execute("SELECT count(*) FROM trading_order").fetchone() == (0,)
        async with asyncio.timeout(30):
            await writer.drained()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return told

    assert asyncio.run(closed_and_open()) == ["cannot", "can", "durable", "later"]
    assert Entry.objects.count() == 6
