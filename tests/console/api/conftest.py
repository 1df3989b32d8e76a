"""A small desk in the database, and quotes in Redis, for the API to read."""

import datetime as dt
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from django.contrib.auth.models import User
from django.test import Client
from django_otp import DEVICE_ID_SESSION_KEY
from django_otp.plugins.otp_totp.models import TOTPDevice
from pytest_django import Settings

from console.access.sessions import FACTOR_AT, begin
from console.stores import redis_client
from riskctl.brakes_home import BrakesHome
from riskctl.desk import brakes_desk
from riskctl.leases import leases_lay
from riskctl.placement import Placement
from tests.console.api.brakes import BrakesDesk
from tests.console.conftest import person
from tests.support.desks import on_floor
from tests.support.gateways import fake_gateways
from trading import streams, ticks
from trading.models import (
    Fill,
    Order,
    Position,
    Signal,
    StopLoss,
    Strategy,
    VenueAccount,
    VenueReading,
)
from trading.strategies.specs import SignalNow
from trading.testcalls.wire import (
    FEED,
    AskSignals,
    InjectPrice,
    PriceJudged,
    SignalsNow,
    answer,
    take,
)
from trading.universe import UNIVERSE

START = dt.datetime(2026, 11, 21, 9, 30, tzinfo=dt.UTC)
KEYS = (streams.TICKS, streams.QUOTES, streams.FEED_STATE)


@pytest.fixture(autouse=True)
def empty_redis() -> Iterator[None]:
    """No quotes and no heartbeats, before and after."""
    forget()
    yield
    forget()


def forget() -> None:
    client = redis_client()
    stages = list(client.scan_iter(match=streams.stage_key("*", "*")))
    client.delete(*KEYS, *stages)


@pytest.fixture
def strategy(db: None) -> Strategy:
    account = VenueAccount.objects.create(
        name="paper-1", venue="Paper One", adapter="none", address="127.0.0.1:1"
    )
    made = Strategy.objects.create(
        key="mom-eurusd", kind="momentum", owner="mercy.okafor", account=account,
        symbols=["EURUSD"], size_notional=100_000,
    )  # fmt: skip
    on_floor(strategies=[made])
    return made


@pytest.fixture
def other(strategy: Strategy) -> Strategy:
    account = VenueAccount.objects.create(
        name="paper-2", venue="Paper Two", adapter="none", address="127.0.0.1:1"
    )
    made = Strategy.objects.create(
        key="mr-btcusdt", kind="mean-reversion", owner="tomas.brandt", account=account,
        symbols=["BTCUSDT"], size_notional=50_000,
    )  # fmt: skip
    on_floor(strategies=[made])
    return made


def new_order(strategy: Strategy, number: int, **facts: object) -> Order:
    """Order ``number`` of the strategy, made ``number`` seconds after nine thirty."""
    given: dict[str, object] = {
        "client_order_id": f"{strategy.account_id}-{number:04d}",
        "intent_id": str(uuid.uuid4()),
        "correlation_id": f"c-{number}",
        "account_id": strategy.account_id,
        "strategy": strategy,
        "symbol": strategy.symbols[0],
        "side": "buy",
        "order_type": "limit",
        "time_in_force": "ioc",
        "quantity": Decimal(10000),
        "limit_price": Decimal("1.15240"),
        "reference_price": Decimal("1.1523"),
        "state": "filled",
        "shard": "shard:0",
        "shard_token": 1,
        "tick_time": START,
        "created_at": START + dt.timedelta(seconds=number),
    }
    return Order.objects.create(**given | facts)


def new_fill(order: Order, sequence: int, /, **facts: object) -> Fill:
    given: dict[str, object] = {
        "account_id": order.account_id,
        "venue_fill_id": f"f-{sequence}",
        "sequence": sequence,
        "order": order,
        "strategy_id": order.strategy_id,
        "symbol": order.symbol,
        "side": order.side,
        "quantity": order.quantity,
        "price": Decimal("1.15240"),
        "fee": Decimal("0.000000000001"),
        "fee_currency": "USD",
        "venue_time": START + dt.timedelta(seconds=sequence),
        "feed_time": START,
        "recorded_at": START + dt.timedelta(seconds=sequence),
    }
    return Fill.objects.create(**given | facts)


def new_signal(strategy: Strategy, number: int, **facts: object) -> Signal:
    given: dict[str, object] = {
        "id": f"{strategy.key}-{number:04d}",
        "strategy": strategy,
        "symbol": strategy.symbols[0],
        "direction": 1,
        "score": 1.5,
        "confidence": 0.75,
        "horizon_s": 60.0,
        "price": Decimal("1.15"),
        "feed_time": START,
        "created_at": START + dt.timedelta(seconds=number),
        "latency_us": 120,
    }
    return Signal.objects.create(**given | facts)


def new_position(strategy: Strategy, quantity: str, cost: str, **facts: object) -> Position:
    given: dict[str, object] = {
        "account_id": strategy.account_id,
        "strategy": strategy,
        "symbol": strategy.symbols[0],
        "quantity": Decimal(quantity),
        "cost": Decimal(cost),
        "fees": Decimal("1.50"),
        "fills": 1,
        "updated_at": START,
    }
    return Position.objects.create(**given | facts)


def new_stop_loss(strategy: Strategy, **facts: object) -> StopLoss:
    given: dict[str, object] = {
        "account_id": strategy.account_id,
        "strategy": strategy,
        "symbol": strategy.symbols[0],
        "request": uuid.UUID(int=1),
        "side": "sell",
        "percentage": 2,
        "mark": Decimal("1.1"),
        "stop_price": Decimal("1.078"),
        "quantity": 10_000,
        "state": "resting",
        "orders": 1,
        "placed_by": "ada.nwosu",
        "set_at": START,
        "version": 1,
    }
    return StopLoss.objects.create(**given | facts)


def new_reading(strategy: Strategy, quantity: str, seconds: int) -> VenueReading:
    return VenueReading.objects.create(
        account_id=strategy.account_id,
        taken_at=START + dt.timedelta(seconds=seconds),
        fill_sequence=seconds,
        positions=[
            {
                "symbol": strategy.symbols[0], "quantity": quantity, "cash_flow": "-11524.00",
                "fees": "1.5",
            }
        ],
        open_orders=[],
        balances={},
    )  # fmt: skip


def quoted(symbol: str, bid: str, ask: str, *, clock_ns: int | None = None) -> None:
    """The feed's newest entry: one good quote of ``symbol``, just now or by its own clock."""
    wall = time.time_ns()
    now = clock_ns or wall
    tick = ticks.empty(1)
    tick["instrument"] = UNIVERSE.by_symbol(symbol).id
    tick["time"] = now
    tick["bid"], tick["ask"] = (int(Decimal(one) * 10**9) for one in (bid, ask))
    session = "5f0c1c1e-1111-4222-8333-444455556666"
    fields: dict[Any, Any] = {
        "d": ticks.pack(np.asarray(tick)), "clk": now, "boot": 0, "wall": wall, "bid": "b",
        "s": session,
    }  # fmt: skip
    client = redis_client()
    client.xadd(streams.TICKS, fields)
    client.set(streams.FEED_STATE, msgspec.json.encode({"spec": "simulated", "state": "running"}))


@pytest.fixture
def brakes_home(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[BrakesHome]:
    """A brakes' home of the test's own."""
    # Written before the answer, not behind it: nothing may be written once a test is over.
    monkeypatch.setattr(Placement, "note", Placement.note_now)
    settings.BRAKES_HOME = tmp_path / "brakes"
    settings.SIGNING_KEY_FILE = tmp_path / "signing.pem"
    brakes_desk.cache_clear()
    yield brakes_desk().home
    brakes_desk().close()
    brakes_desk.cache_clear()


@pytest.fixture
def brakes(
    transactional_db: None,
    brakes_home: BrakesHome,
    other: Strategy,
    new_token: Callable[..., str],
) -> Iterator[BrakesDesk]:
    """The desk of ``strategy`` and ``other`` with its gateways faked behind their sockets."""
    leases_lay(names=["gateway:paper-1", "gateway:paper-2"])
    people = {"mercy.okafor": User.objects.get(username="mercy.okafor")}
    browsers: dict[str, Client] = {}

    def token(*scopes: str) -> Client:
        text = new_token(*scopes)
        return Client(headers={"Authorization": f"Bearer {text}"}, raise_request_exception=False)

    def browser(name: str) -> Client:
        if name not in browsers:
            username, role = PEOPLE[name]
            user = people.get(username) or person(username, role)
            browsers[name] = with_both_factors(Client(raise_request_exception=False), user)
        return browsers[name]

    with fake_gateways(brakes_home, "paper-1", "paper-2") as gateways:
        yield BrakesDesk(brakes_home, gateways, token, browser)


PEOPLE = {
    "mercy": ("mercy.okafor", "trader"),
    "tomas": ("tomas.brandt", "trader"),
    "ada": ("ada.nwosu", "risk"),
    "lena": ("lena.fischer", "risk"),
    "jonas": ("jonas.lindqvist", "sre"),
    "ruth": ("ruth.adeyemi", "compliance"),
    "priya": ("priya.raman", "administrator"),
}


def with_both_factors(client: Client, user: User, *, age_s: int = 0) -> Client:
    """``client`` as after both steps, the second of them ``age_s`` ago."""
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    session = client.session
    begin(session)
    session[DEVICE_ID_SESSION_KEY] = TOTPDevice.objects.get(user=user).persistent_id
    session[FACTOR_AT] = int(time.time()) - age_s
    session.save()
    return client


class PathAnswers(threading.Thread):
    """In place of feed and shard 0: answers what tests are asked; ``asked`` keeps the requests."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.asked: list[InjectPrice | AskSignals] = []
        self.judged = PriceJudged("", entry="1-1", feed_time=10**18)
        self.signals: list[SignalNow] = []
        self._leave = threading.Event()

    def run(self) -> None:
        redis = redis_client()
        while not self._leave.wait(0.01):
            for who in (FEED, "shard:0"):
                found = take(redis, who)
                if found is not None:
                    self.asked.append(found.request)
                    price = isinstance(found.request, InjectPrice)
                    answer(redis, found, self.judged if price else SignalsNow(self.signals))

    def leave(self) -> None:
        self._leave.set()
        self.join()


@pytest.fixture
def path_answers() -> Iterator[PathAnswers]:
    """A simulated feed with one quote of EURUSD, and who answers for it."""
    quoted("EURUSD", "1.0850", "1.0852")
    redis_client().set(streams.FEED_STATE, msgspec.json.encode({"kind": "simulated"}))
    answering = PathAnswers()
    answering.start()
    yield answering
    answering.leave()
