"""The desk as the server draws it: with a frame, without one, and with one that is old."""

import datetime as dt
import json
import re
from collections.abc import Callable
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings
from redis import Redis

from console.pages import formats
from tests.pages.conftest import open_session
from tests.pages.frames import (
    account_part,
    alert_line,
    desk_frame,
    keep,
    rehearsing,
    strategy_line,
)
from trading import streams
from trading.models import Fill, Order, Strategy

Read = Callable[[str], str]


def row(html: str, key: str) -> str:
    """The text of a strategy's row, without tags and runs of space."""
    found = re.search(rf'<tr data-key="{key}".*?</tr>', html, re.DOTALL)
    assert found, f"no row of {key}"
    return " ".join(re.sub(r"<[^>]+>", " ", found[0]).split())


PATHS = ["/", "/pipeline", "/desk/tape", "/risk", "/risk/triggers", "/holds", "/approvals",
         "/strategies/mom-eurusd", "/stop/preview"]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_nothing_is_shown_without_a_second_factor(
    path: str, mercy: User, redis: Redis, settings: Settings
) -> None:
    assert Client().get(path)["Location"].startswith("/sign-in")
    client = Client()
    client.cookies[settings.SESSION_COOKIE_NAME] = open_session(mercy, factor=False)
    assert client.get(path)["Location"].startswith("/sign-in/factor")


@pytest.mark.parametrize("path", PATHS)
def test_pages_are_read_and_not_written_to(
    path: str, mercy: User, redis: Redis, settings: Settings
) -> None:
    client = Client()
    client.cookies[settings.SESSION_COOKIE_NAME] = open_session(mercy)
    assert client.post(path).status_code == 405


def test_a_fresh_frame_is_drawn_whole(page: Read, books: list[Strategy], redis: Redis) -> None:
    keep(redis, desk_frame(strategy_line(), strategy_line("mr-btcusdt", pnl="-3.10")))
    html = page("/")
    assert "<title>PAPER · ACTIVE · Desk · Haltline</title>" in html
    assert row(html, "mom-eurusd").startswith(
        "ACTIVE mom-eurusd Momentum · paper-1 · M. Okafor Live none −80,000 EURUSD +120.55 −2.10"
        " −1.3 92.3 −92.3 92 % 61.8 0.3 97.1 "
    )
    assert "−3.10" in row(html, "mr-btcusdt")
    assert "2 of 2 strategies active" in html
    assert "Fri 2 May 2014 · running × 60" in html
    assert "Mercy Okafor · trader" in html


def test_alerts_that_ring_are_named_and_that_nobody_evaluates_them_is_said(
    page: Read, books: list[Strategy], redis: Redis
) -> None:
    key = "mr-btcusdt"
    quiet = strategy_line(key, alerts=[alert_line("Slow", severity="info")])
    for alerting in ("fresh", "dead"):
        lines = strategy_line(alerts=[alert_line()]), quiet
        keep(redis, desk_frame(*lines, alerting=alerting))
        desk, one = (page(at).replace("\n", " ") for at in ("/", "/strategies/mom-eurusd"))
        link = r'data-near="(\w+)" href="/engines/([^"]+)#alerts" title="([^"]+)">(.*?)<'
        rings = re.findall(link, desk)
        since = "since Sat 21 Nov 15:22 UTC"
        assert rings == [
            ("breach", "mom-eurusd", since, "mom-eurusd: Low Fill Rate, critical"),
            ("info", key, since, f"{key}: Slow, info"),
        ]
        assert ("nobody evaluates them now" in desk) is (alerting == "dead")
        assert f'title="{since}">Low Fill Rate, critical</a>' in one
    none = {"fresh": "none", "late": "none", "dead": "–"}
    for alerting, said in none.items():
        keep(redis, desk_frame(strategy_line(), alerting=alerting))
        assert f'data-f="alerts">{said}<' in page("/strategies/mom-eurusd")
        assert ('aria-label="Alerts of documents" hidden' in page("/")) is (alerting != "dead")
    keep(redis, desk_frame(strategy_line(alerts=None)))
    assert 'data-f="alerts">–<' in page("/strategies/mom-eurusd")


def told(html: str, table: str) -> list[str]:
    """The rows of a list under the table, as texts."""
    found = re.search(rf'<table class="slim" id="{table}">.*?</table>', html, re.DOTALL)
    assert found
    rows = re.findall(r"<tr data-key.*?</tr>", found[0], re.DOTALL)
    return [" ".join(re.sub(r"<[^>]+>", " ", one).split()) for one in rows]


def test_paper_money_is_in_no_list_but_its_account_s(
    page: Read, books: list[Strategy], redis: Redis
) -> None:
    coin = {"symbol": "BTCUSDT", "quantity": "0.5", "mark": "90000.00", "unrealised": "1.00"}
    other = strategy_line("mr-btcusdt", account="paper-2", venue="Paper Two", position=[coin],
                          pnl="2.00", gross="45000", net="45000")  # fmt: skip
    keep(redis, desk_frame(rehearsing(), other))
    html = page("/")
    assert told(html, "instruments") == [
        "BTCUSDT +0.5 90,000.00 +1.00", "EURUSD +1,000 1.160000 +10.00",
    ]  # fmt: skip
    assert told(html, "groups") == [
        "paper-1 Paper One · 1 strategy +10.00 1.2 +1.2",
        "paper-2 Paper Two · 1 strategy +2.00 45.0 +45.0",
        "rehearsal paper Rehearsal · 1 strategy −4.00 1.2 −1.2",
        "M. Okafor 2 strategies +12.00 46.2 +46.2",
    ]
    assert "+1,000 EURUSD −1,000 EURUSD paper" in row(html, "mom-eurusd")


def test_each_leg_of_a_pair_is_listed_on_its_own_account(
    page: Read, books: list[Strategy], redis: Redis
) -> None:
    legs = [
        account_part("paper-1", venue="Paper One", pnl=None, gross="900000", net="900000"),
        account_part("paper-2", venue="Paper Two", pnl=None, gross="800000", net="-800000"),
    ]
    flat = strategy_line("mr-btcusdt", account="paper-2", venue="Paper Two", position=[],
                         pnl="0.00", gross="0", net="0")  # fmt: skip
    keep(redis, desk_frame(strategy_line(accounts=legs), flat))
    assert told(page("/"), "groups")[:2] == [
        "paper-1 Paper One · 1 strategy – 900.0 +900.0",
        "paper-2 Paper Two · 2 strategies – 800.0 −800.0",
    ]


def test_without_a_frame_labels_stand_and_values_are_dashes(
    page: Read, books: list[Strategy], redis: Redis
) -> None:
    html = page("/")
    assert "PAPER · UNKNOWN · Desk" in html
    shown = row(html, "mr-btcusdt")
    assert shown.startswith(
        "UNKNOWN mr-btcusdt Mean reversion · paper-2 · tomas.brandt – none – – –"
    )
    assert "0" not in shown.replace("mr-btcusdt", "")
    assert "has published nothing yet" in html


def test_an_old_frame_is_no_picture_of_now(page: Read, books: list[Strategy], redis: Redis) -> None:
    keep(redis, desk_frame(age_s=20))
    html = page("/")
    assert "PAPER · UNKNOWN · Desk" in html
    assert "was ACTIVE at" in html
    assert row(html, "mom-eurusd").startswith("UNKNOWN")
    assert " 20 s " in row(html, "mom-eurusd")


def test_what_is_unknown_is_a_dash(page: Read, books: list[Strategy], redis: Redis) -> None:
    unknown = strategy_line(
        pnl=None, unrealised=None, gross=None, net=None, position=[], last_signal=None,
        data_age_ms=None, data="dead", state="UNKNOWN", why="no price for EURUSD",
        limit=None, drawdown=None, hit=None, slippage_bp=None, filled=None,
    )  # fmt: skip
    keep(redis, desk_frame(unknown))
    html = page("/")
    assert row(html, "mom-eurusd").startswith(
        "UNKNOWN mom-eurusd Momentum · paper-1 · M. Okafor Live none none – – – – – – – – – none –"
    )
    assert 'title="no price for EURUSD"' in html


def test_a_frame_that_cannot_be_read_is_said_to_be(
    page: Read, books: list[Strategy], redis: Redis
) -> None:
    redis.set(streams.frame_key("desk"), b'{"topic": "desk", "seq": "x"}')
    assert "The latest live frame cannot be read" in page("/")


def test_a_defect_says_its_request_and_what_still_works(
    mercy: User, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr("console.pages.views.framed", broken)
    client = Client(raise_request_exception=False)
    client.cookies[settings.SESSION_COOKIE_NAME] = open_session(mercy)
    answer = client.get("/")
    html = answer.content.decode()
    assert answer.status_code == 500
    assert f"Request {answer['X-Request-ID']}" in html
    assert 'href="/stop"' in html
    assert "a defect" not in html


def test_a_desk_without_strategies_says_what_stands_here(
    page: Read, ada: User, redis: Redis, settings: Settings
) -> None:
    """A trader on no desk is told that; who sees everything, that there is nothing."""
    assert "No strategy here" in page("/")
    client = Client()
    client.cookies[settings.SESSION_COOKIE_NAME] = open_session(ada)
    assert "No strategy yet" in client.get("/").content.decode()


def test_a_live_account_makes_the_page_say_live(
    page: Read, books: list[Strategy], redis: Redis
) -> None:
    account = books[0].account
    account.live = True
    account.save()
    html = page("/")
    assert "<title>LIVE ·" in html
    assert "Orders reach real venues" in html


def test_what_a_strategy_is_called_cannot_become_markup(
    page: Read, books: list[Strategy], redis: Redis
) -> None:
    keep(redis, desk_frame(strategy_line(why='"><script>x</script>')))
    assert "<script>x" not in page("/")


def test_the_tape_has_fills_and_what_ended_without_one(
    page: Read, books: list[Strategy], redis: Redis
) -> None:
    now = dt.datetime.now(dt.UTC)
    strategy = books[0]
    Fill.objects.create(
        account=strategy.account, venue_fill_id="f1", sequence=1, strategy=strategy,
        symbol="EURUSD", side="sell", quantity=Decimal(80000), price=Decimal("1.15420"),
        fee=0, fee_currency="USD", venue_time=now, feed_time=now,
    )  # fmt: skip
    Order.objects.create(
        client_order_id="o1", intent_id="i1", correlation_id="c1", account=strategy.account,
        strategy=strategy, symbol="EURUSD", side="buy", order_type="limit", time_in_force="ioc",
        quantity=Decimal(80000), reference_price=Decimal("1.1"), state="denied",
        reason_code="gross-notional", shard="shard:0", shard_token=1, tick_time=now,
        created_at=now, ended_at=now + dt.timedelta(seconds=5),
    )  # fmt: skip
    yesterday = now - dt.timedelta(days=1)
    Fill.objects.create(
        account=strategy.account, venue_fill_id="f0", sequence=0, strategy=strategy,
        symbol="EURUSD", side="buy", quantity=1, price=Decimal("1.15"), recorded_at=yesterday,
        fee=0, fee_currency="USD", venue_time=yesterday, feed_time=yesterday,
    )  # fmt: skip
    denied, fill, old = json.loads(page("/desk/tape"))["tape"]
    assert old["at"] == formats.precise_on(yesterday, now)
    assert re.fullmatch(r"[\d:.]{12}", fill["at"]), "of today: no day"
    assert (fill["what"], fill["text"]) == ("fill", "sold 80,000 EURUSD at 1.1542")
    assert (denied["what"], denied["strategy"]) == ("denied", "mom-eurusd")
    assert denied["text"] == "buy 80,000 EURUSD: gross notional"
    assert "sold 80,000 EURUSD at 1.1542" in page("/")


def test_a_sparkline_ends_where_the_figure_beside_it_stands(
    page: Read, books: list[Strategy], redis: Redis
) -> None:
    keep(redis, desk_frame(strategy_line(pnl="-40.00", line=["0.00", "80.00"])))
    html = page("/")
    assert 'points="2.0,15.0 41.0,3.0 80.0,21.0"' in html
    assert 'aria-label="first 0, last −40, low −40, high +80"' in html
    assert 'class="spark-end fall" cx="80.0" cy="21.0"' in html
