"""Performance side by side: by strategy, instrument, venue account, firm; by period."""

import datetime as dt
import re
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings
from redis import Redis

from console.pages.performanceread import PERIODS, WORDS, chosen
from riskctl.models import Limit, Stage
from tests.console.api.conftest import new_fill, new_order, new_position
from tests.pages.test_risk_page import reader, text_of
from tests.support.desks import on_no_desk
from trading.models import PricePoint, Strategy, VenueAccount
from trading.selectors.execution import By

PATH = "/performance"
D = Decimal


def ago(minutes: float) -> dt.datetime:
    return dt.datetime.now(dt.UTC) - dt.timedelta(minutes=minutes)


def bought(row: Strategy, number: int, price: str, mid: str, minutes: float) -> None:
    """100 at ``price`` with a fee of 1, filled 20 ms after they were sent, held since."""
    at = ago(minutes)
    order = new_order(
        row, number, client_order_id=f"{row.key}-{number}", quantity=100, filled=100,
        filled_value=100 * D(price), reference_price=D(mid), created_at=at, sent_at=at, ended_at=at,
    )  # fmt: skip
    new_fill(order, number, quantity=D(100), price=D(price), fee=D(1), account_id=row.account_id,
             recorded_at=at + dt.timedelta(milliseconds=20))  # fmt: skip
    new_position(row, "100", str(100 * D(price)), symbol=row.symbols[0])


@pytest.fixture
def traded(books: list[Strategy], redis: Redis) -> list[Strategy]:
    """Half an hour ago momentum bought euros that rose, reversion coins that fell."""
    for row, price, mid in zip(books, ("10.01", "50"), ("10", "50"), strict=True):
        bought(row, 1, price, mid, 30)
    for symbol, then, mid in (("EURUSD", "10", "12"), ("BTCUSDT", "50", "49")):
        PricePoint.objects.create(symbol=symbol, at=ago(31), mid=D(then))
        PricePoint.objects.create(symbol=symbol, at=ago(1), mid=D(mid))
    Limit.objects.create(scope="strategy:mom-eurusd", kind="gross-notional", value=1000)
    return books


def rows_of(html: str) -> list[str]:
    """Names of the rows, from above."""
    return re.findall(r'<th scope="row">(?:<a [^>]+>)?([^<]+)', html)


def row_of(html: str, name: str) -> str:
    rows = [text_of(one) for one in re.findall(r"<tr>(.*?)</tr>", html, re.DOTALL)]
    return next(one for one in rows if one.startswith(name))


def test_strategies_stand_beside_each_other_with_their_units(
    traded: list[Strategy], ada: User, settings: Settings
) -> None:
    client = reader(ada, settings)
    html = client.get(PATH).content.decode()
    text = text_of(html)
    assert 'href="/strategies/mom-eurusd#performance">mom-eurusd' in html
    for head in ("PnL after fees USD", "Drawdown % of equity", "Slippage bp of arrival",
                 "Fill rate %", "Order to fill ms, p50 · p95 · p99",
                 "Risk check µs, p50 · p95 · p99"):  # fmt: skip
        assert head in text
    # Made 100 * (12 - 10.01) - 1; bought for a tick and a fee beyond the mid, and had 1,000.
    assert row_of(html, "mom-eurusd") == (
        "mom-eurusd +198.00 2.00 0.20 – 1,001 – 1 100.0 10.00 no budget 20.0 · 20.0 · 20.0 – –"
    )
    assert row_of(html, "mr-btcusdt") == (
        "mr-btcusdt −101.00 101.00 – – 5,000 – 1 100.0 0.00 no budget 20.0 · 20.0 · 20.0 – –"
    )
    assert "Performance of the last 24 h by strategy" in text
    strategy = client.get("/strategies/mom-eurusd").content.decode()
    assert 'href="/performance"' in strategy, "and back"
    assert 'data-go="f" data-go-page="Performance"' in strategy, "from every page"


@pytest.mark.parametrize("by", By)
def test_each_way_of_looking_has_its_rows_in_each_period(
    traded: list[Strategy], ada: User, settings: Settings, by: By
) -> None:
    client = reader(ada, settings)
    names = {
        By.STRATEGY: ["mom-eurusd", "mr-btcusdt"], By.INSTRUMENT: ["BTCUSDT", "EURUSD"],
        By.VENUE: ["paper-1", "paper-2"], By.FIRM: ["firm"],
    }  # fmt: skip
    for period, (words, _) in PERIODS.items():
        html = client.get(f"{PATH}?by={by}&period={period}").content.decode()
        assert rows_of(html) == names[by], period
        assert f"Performance of the last {words} by {WORDS[by].lower()}" in text_of(html)
        assert f"/api/metrics/performance?by={by}&amp;period={period}" in html
    sums = {By.FIRM: "firm +97.00", By.INSTRUMENT: "EURUSD +198.00"}
    assert sums.get(by, "") in text_of(html)
    assert ("% of equity" in html) == (by is not By.INSTRUMENT), "none has capital"


def test_figures_rank_them_and_what_is_unknown_comes_last(
    traded: list[Strategy], ada: User, settings: Settings
) -> None:
    client = reader(ada, settings)

    def ranked(sort: str) -> list[str]:
        html = client.get(f"{PATH}?sort={sort}").content.decode()
        assert html.count("aria-sort") == 1
        return rows_of(html)

    assert ranked("-pnl") == ranked("slippage")[::-1] == ["mom-eurusd", "mr-btcusdt"]
    assert ranked("pnl") == ranked("-name") == ["mr-btcusdt", "mom-eurusd"]
    assert ranked("drawdown") == ranked("-drawdown") == ["mom-eurusd", "mr-btcusdt"], "no capital"
    assert "?sort=-pnl" in client.get(PATH).content.decode(), "figures from the greatest first"


def test_what_the_address_asks_wrongly_is_as_if_it_were_not_there() -> None:
    plain = chosen({})
    assert chosen({"by": "owner", "period": "1y", "sort": "-nothing"}) == plain
    assert plain.address() == "?"
    assert chosen({"by": "venue", "sort": "budget"}).sort == "name", "accounts have no budget"
    view = chosen({"by": "venue", "period": "7d", "sort": "-pnl", "symbol": "EURUSD"})
    assert view.address() == "?by=venue&period=7d&sort=-pnl&symbol=EURUSD"


def test_an_instrument_and_an_account_lead_to_their_strategies(
    traded: list[Strategy], ada: User, settings: Settings
) -> None:
    client = reader(ada, settings)
    html = client.get(f"{PATH}?by=venue&period=7d&sort=-pnl").content.decode()
    assert '<a href="?period=7d&amp;account=paper-2">paper-2</a>' in html
    html = client.get(f"{PATH}?period=7d&account=paper-2").content.decode()
    assert rows_of(html) == ["mr-btcusdt"]
    assert "Only the account paper-2" in text_of(html)
    assert "?by=strategy&amp;period=7d&amp;account=paper-2" in html, "and so does REST"
    assert row_of(html, "mr-btcusdt").startswith("mr-btcusdt in part −101.00")


def test_a_trader_sees_what_is_theirs(
    traded: list[Strategy], mercy: User, staff: dict[str, User], settings: Settings
) -> None:
    on_no_desk(mercy.username)
    client = reader(mercy, settings)
    for by in By:
        html = client.get(f"{PATH}?by={by}").content.decode()
        for others in ("mr-btcusdt", "BTCUSDT", "paper-2"):
            assert others not in html, (by, others)
        assert "+198.00" in html
        assert ("in part" in html) == (by is By.FIRM), "others are part of it"
    firm = row_of(client.get(f"{PATH}?by=firm").content.decode(), "firm")
    assert firm.startswith("firm in part +198.00 2.00 –"), "of no capital"
    none = client.get(f"{PATH}?strategy=mr-btcusdt").content.decode()
    assert rows_of(none) == []
    html = reader(staff["administrator"], settings).get(PATH).content.decode()
    assert "No strategy here" in text_of(html)


def test_money_that_is_not_real_says_so(
    traded: list[Strategy], ada: User, settings: Settings
) -> None:
    """One that fell to paper counts what it rehearses; one that trades really does not."""
    client = reader(ada, settings)
    assert ">simulated<" not in client.get(PATH).content.decode(), "the frame says it of them all"
    VenueAccount.objects.filter(name="paper-1").update(live=True, rehearsal="paper-2")
    Stage.objects.filter(strategy="mom-eurusd").update(rung="paper")
    assert "mom-eurusd with paper money +198.00" in text_of(client.get(PATH).content.decode())
    Stage.objects.filter(strategy="mom-eurusd").update(rung="live")
    assert "mom-eurusd +198.00" in text_of(client.get(PATH).content.decode())
    venues = text_of(client.get(f"{PATH}?by=venue").content.decode())
    assert "paper-1 +198.00" in venues
    assert "paper-2 simulated −101.00" in venues
