"""One strategy's page as the server draws it, and the series that its charts draw."""

import datetime as dt
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings
from redis import Redis

from console.pages import formats
from riskctl.holds import Kind
from riskctl.models import Hold, HoldLift, Limit, TriggerFiring
from tests.pages.conftest import open_session
from tests.pages.frames import desk_frame, keep, rehearsing, strategy_line
from tests.support.desks import on_no_desk
from trading.models import Fill, Order, PnlPoint, PricePoint, Signal, Strategy, VenueAccount
from trading.portfolio.books import day_start
from trading.selectors.performance import Period, answers, performance, step_of

Read = Callable[[str], str]
KEY, PATH = "mom-eurusd", "/strategies/mom-eurusd"


def text_of(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


@pytest.fixture
def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def point(row: Strategy, at: dt.datetime, pnl: str) -> None:
    PnlPoint.objects.create(
        strategy=row, at=at, feed_time=at, realised=Decimal(pnl), unrealised=0, fees=0, gross=0,
        net=5,
    )  # fmt: skip


@pytest.fixture
def line(books: list[Strategy], now: dt.datetime) -> dt.datetime:
    """Yesterday it stood at 40; today at 50, 90, 30, a minute after one another."""
    row, start = books[0], day_start(now)
    point(row, start - dt.timedelta(days=1, hours=1), "10")
    point(row, start - dt.timedelta(hours=1), "40")
    for minute, pnl in enumerate(("50", "90", "30")):
        point(row, start + dt.timedelta(minutes=minute), pnl)
    PricePoint.objects.create(symbol="EURUSD", at=start, mid=Decimal("1.152415"))
    Limit.objects.create(scope=f"strategy:{KEY}", kind="gross-notional", value=1000)
    return start


def test_a_line_begins_where_its_period_did(line: dt.datetime, now: dt.datetime) -> None:
    today = performance(key=KEY, period=Period.TODAY, now=now)
    assert [one.pnl for one in today.points] == [10, 50, -10]
    assert today.capital == Decimal(1000)
    assert today.opened == Decimal(0)
    fallen = [one.drawdown for one in today.points]
    assert fallen[:2] == [0, 0]
    assert fallen[2] == Decimal(-60) / 1050 * 100
    five = performance(key=KEY, period=Period.FIVE_DAYS, now=now)
    assert [one.pnl for one in five.points] == [10, 40, 50, 90, 30]
    assert five.opened == 40
    assert performance(key="nobody", period=Period.TODAY, now=now).points == []


def test_a_line_is_thinned_to_the_last_point_of_each_step(
    line: dt.datetime, now: dt.datetime
) -> None:
    one = performance(key=KEY, period=Period.TODAY, now=line + dt.timedelta(hours=12), points=1)
    assert [point.pnl for point in one.points] == [-10]
    assert step_of(now, now + dt.timedelta(days=20)) == 173
    assert step_of(now, now + dt.timedelta(seconds=1)) == 5, "no finer than they are stored"


def test_a_strategy_without_capital_has_no_drawdown(line: dt.datetime, now: dt.datetime) -> None:
    Limit.objects.all().delete()
    made = performance(key=KEY, period=Period.TODAY, now=now)
    assert {one.drawdown for one in made.points} == {None}


def order(row: Strategy, at: dt.datetime, name: str, **changes: Any) -> Order:
    return Order.objects.create(**{
        "client_order_id": name, "intent_id": name, "correlation_id": name, "account": row.account,
        "strategy": row, "symbol": "EURUSD", "side": "buy", "order_type": "limit",
        "time_in_force": "ioc", "quantity": 100, "limit_price": 2, "reference_price": 2,
        "state": "filled", "filled": 100, "filled_value": Decimal("200.1"), "shard": "0",
        "shard_token": 1, "tick_time": at, "created_at": at, "ended_at": at,
        "send_to_answer_us": 7000, **changes,
    })  # fmt: skip


def test_answers_are_counted(books: list[Strategy], now: dt.datetime) -> None:
    assert answers(key=KEY, since=day_start(now)).p99_us is None
    order(books[0], now, "a")
    order(books[0], now, "b", state="denied", filled=0, filled_value=0, send_to_answer_us=None)
    found = answers(key=KEY, since=day_start(now))
    assert (found.orders, found.refused, found.p99_us) == (2, 1, 7000)


@pytest.fixture
def lived(line: dt.datetime, books: list[Strategy], now: dt.datetime) -> None:
    """A signal, an order, its fill, a hold that was lifted, and a breach."""
    row = books[0]
    Signal.objects.create(
        id="s1", strategy=row, symbol="EURUSD", direction=1, score=1, confidence=0.62, horizon_s=1,
        price=Decimal(2), feed_time=now, created_at=now, latency_us=1, spread=Decimal("0.0001"),
        outcome="hit", outcome_price=Decimal("2.0005"), outcome_time=now,
    )  # fmt: skip
    made = order(row, now, "a")
    Fill.objects.create(
        account=row.account, venue_fill_id="v1", sequence=1, order=made, strategy=row,
        symbol="EURUSD", side="buy", quantity=100, price=Decimal("2.001"), fee=0,
        fee_currency="USD", venue_time=now, feed_time=now,
    )  # fmt: skip
    held = Hold.objects.create(
        id="0b8f2c1e-5a77-4a51-9c0e-3f2a1d4c5b6a", scope=f"strategy:{KEY}", kind=Kind.PAUSE,
        mode="HALTED", cancels=True, reason="claims at 13:30", placed_by="mercy.okafor",
        actor_kind="person", placed_at=now,
    )  # fmt: skip
    HoldLift.objects.create(hold=held, lifted_by="mercy.okafor", reason="over")
    TriggerFiring.objects.create(
        id="1b8f2c1e-5a77-4a51-9c0e-3f2a1d4c5b6a", trigger="strategy-drawdown",
        scope=f"strategy:{KEY}", level="breach", value=11, threshold=10, source="path",
        shadow=False, happened_at=now,
    )  # fmt: skip


@pytest.fixture
def reader(mercy: User, settings: Settings) -> Client:
    """Mercy, who is on no desk: her own strategy is all she sees."""
    on_no_desk(mercy.username)
    client = Client()
    client.cookies[settings.SESSION_COOKIE_NAME] = open_session(mercy)
    return client


def test_the_charts_are_given_lines_and_what_lies_on_them(
    reader: Client, lived: None, redis: Redis, books: list[Strategy], now: dt.datetime
) -> None:
    stop = {"order_type": "stop", "limit_price": None, "filled": 0, "filled_value": 0}
    resting = stop | {"reduce_only": True, "state": "working", "ended_at": None}
    order(books[0], now, "s1", **resting, stop_price=Decimal("1.5"))
    order(books[0], now, "s2", **resting | {"state": "cancelled", "stop_price": Decimal("1.4")})
    order(books[0], now, "s3", **resting | {"reduce_only": False, "stop_price": Decimal("1.3")})
    found = reader.get(f"{PATH}/series").json()
    assert found["pnl"]["pnl"] == [10.0, 50.0, -10.0]
    assert found["price"] == {
        "symbol": "EURUSD", "places": 6, "at": found["pnl"]["at"][:1], "mid": [1.152415],
    }  # fmt: skip
    assert (found["capital"], found["threshold"], found["opened"]) == (1000.0, 10.0, 0.0)
    assert [one[1:] for one in found["fills"]] == [["buy", 2.001]]
    assert [one[1:] for one in found["signals"]] == [[1, 2.0]]
    assert [(one["kind"], one["to"] is None) for one in found["holds"]] == [("pause", False)]
    assert found["incidents"][0]["words"] == "Drawdown, strategy:mom-eurusd"
    assert found["stops"] == [1.5], "the one that rests; not the one that went, nor an entry"
    marks = reader.get(f"{PATH}/series?only=marks").json()
    assert set(marks) == {"fills", "signals", "stops", "holds", "incidents"}
    assert marks["fills"] == found["fills"]
    for bad in ("?period=9y&symbol=BTCUSDT", "?period=&symbol="):
        assert reader.get(f"{PATH}/series{bad}").json()["pnl"] == found["pnl"]


def test_the_page_says_everything_of_it(reader: Client, lived: None, redis: Redis) -> None:
    keep(redis, desk_frame(strategy_line(), strategy_line("mr-btcusdt", owner="tomas.brandt")))
    answer = reader.get(PATH)
    html = answer.content.decode()
    text = text_of(html)
    assert "PnL today +120.55 USD realised +130.20 Unrealised −2.10 USD fees 7.55" in text
    assert "Net exposure −92.3 k USD gross 92.3 k USD Drawdown" in text
    assert "Hit ratio 61.8 % 34 round trips Slippage 0.3 bp today, + costs" in text
    assert "Fill rate 97.1 % 0 of 1 refused" in text
    assert "Order to ack p99 7.0 ms 1 orders today" in text
    assert "Gross notional 92.3 k of 1,000 USD 9,234 %" in text
    assert re.search(r"fill buy 100 EURUSD 2\.001 filled 100 \+5\.0", text)
    assert "limit buy 100 EURUSD 2 filled 100" in text
    assert "signal long EURUSD 2 signalled confidence 0.62" in text
    assert "fast s 3 seconds 0.05 to 86400" in text
    assert "Performance up to then" in text
    assert re.search(r"PnL after fees USD \S+ \S+ \S+ Deepest drawdown % of equity", text)
    assert "Slippage of budget % no budget no budget no budget" in text
    assert "Risk check µs, p50 · p95 · p99 – – – Market data to strategy" in text
    assert "claims at 13:30" in text
    assert 'data-from="/strategies/mom-eurusd/series?period=today&amp;symbol=EURUSD"' in html
    parts = reader.get(f"{PATH}/parts").content.decode()
    assert set(re.findall(r'data-part="(\w+)"', parts)) == {
        "orders", "limits", "distances", "signals",
    }  # fmt: skip
    assert "EURUSD 1 1 0 0 100% +2.0" in text
    assert "+5.0" in text_of(parts)


def test_what_frames_do_not_carry_is_measured_again(
    reader: Client, lived: None, redis: Redis, books: list[Strategy], now: dt.datetime
) -> None:
    def measured() -> str:
        return text_of(reader.get(f"{PATH}/parts?only=measured").content.decode())

    before = measured()
    at = r"\d\d:\d\d:\d\d"
    assert re.match(f"{at} Performance by period Measure 1 h 24 h 30 d PnL after fees", before)
    assert "0 of 1 refused" in before
    order(books[0], now, "d", state="denied", filled=0, filled_value=0, send_to_answer_us=None)
    after = measured()
    assert "1 of 2 refused" in after
    assert "Order to ack p99 7.0 ms 2 orders today" in after
    page = text_of(reader.get(PATH).content.decode())
    assert re.search(f"Performance up to then, .* as of {at} UTC", page)


def test_what_is_of_another_day_says_so(
    reader: Client, line: dt.datetime, redis: Redis, books: list[Strategy], now: dt.datetime
) -> None:
    yesterday = now - dt.timedelta(days=1)
    order(books[0], yesterday, "y")
    order(books[0], now, "t", quantity=200)
    text = text_of(reader.get(PATH).content.decode())
    assert f"{formats.precise_on(yesterday, now)} limit buy 100" in text
    assert re.search(r"\d\d:\d\d:\d\d\.\d{3} limit buy 200", text)
    assert re.search(r"\d\d:\d\d UTC · ", text), "since when it stands on its rung"


def test_what_is_paper_is_said_to_be(
    reader: Client, lived: None, redis: Redis, books: list[Strategy], now: dt.datetime
) -> None:
    rehearsal = VenueAccount.objects.create(name="rehearsal", venue="R", adapter="", address="")
    VenueAccount.objects.filter(name="paper-1").update(rehearsal=rehearsal)
    order(books[0], now, "p", account=rehearsal, quantity=177)
    keep(redis, desk_frame(rehearsing()))
    html = reader.get(PATH).content.decode()
    text = text_of(html)
    assert "EURUSD paper-1 +1,000 1.15 1.160000 +10.00" in text
    assert "EURUSD rehearsal paper −1,000 1.15 1.160000 −4.00" in text
    assert "Figures with paper money; real PnL today +10.00" in text
    assert 'data-f="paper" hidden' not in html
    assert re.search(r"limit buy 177 EURUSD 2 filled 100 paper", text)
    assert re.search(r"limit buy 100 EURUSD 2 filled 100 (?!paper)", text)
    keep(redis, desk_frame(strategy_line()))
    assert 'data-f="paper" hidden' in reader.get(PATH).content.decode()


def test_the_charts_are_a_table_where_it_is_asked_for(
    reader: Client, lived: None, redis: Redis
) -> None:
    html = reader.get(f"{PATH}?as=table&period=5d").content.decode()
    text = text_of(html)
    assert 'id="charts"' not in html
    assert "What happened" in text
    assert "+30.00" in text
    assert "breach: Drawdown" in text
    assert "pause on strategy:mom-eurusd: claims at 13:30" in text
    assert "As chart" in text


def test_another_desks_strategy_is_not_told(reader: Client, lived: None, redis: Redis) -> None:
    for path in ("", "/series", "/parts", "/series?only=marks"):
        assert reader.get(f"/strategies/mr-btcusdt{path}").status_code == 403, path
        assert reader.get(f"/strategies/no-such{path}").status_code == 403, (
            "the same for what is not"
        )
