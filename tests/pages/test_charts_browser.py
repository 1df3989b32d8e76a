"""A strategy's charts in a real browser: ten thousand points, carried on by the live frames."""

import datetime as dt
import threading
from decimal import Decimal

import pytest
from django.db import connection

from tests.pages.frames import Publisher, strategy_line
from tests.pages.test_strategy_page import order
from tests.pages.web import PICTURES, Visit
from trading.models import PnlPoint, Strategy
from trading.portfolio.books import day_start

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

POINTS = 10_000
PATH = "/strategies/mom-eurusd?period=5d"

_MADE = """
INSERT INTO trading_pnlpoint (strategy_id, at, feed_time, realised, unrealised, fees, gross, net)
SELECT 'mom-eurusd', t, t, 100 * sin(extract(epoch FROM t) / 20000), 0, 0, 1000, 1000
FROM generate_series(%(from)s::timestamptz, %(to)s::timestamptz, %(step)s) AS t
"""
_PRICED = """
INSERT INTO trading_pricepoint (symbol, at, mid)
SELECT 'EURUSD', at, 1.15 + realised / 100000 FROM trading_pnlpoint
"""


def points_written(now: dt.datetime) -> None:
    """Four days and today, one each time the chart takes one."""
    since = day_start(now) - dt.timedelta(days=4)
    step = (now - since) / POINTS
    with connection.cursor() as cursor:
        cursor.execute(_MADE, {"from": since, "to": now, "step": step})  # type: ignore[dict-item]
        cursor.execute(_PRICED)
    assert PnlPoint.objects.count() >= POINTS


def test_charts_draw_ten_thousand_points_and_go_on(
    visit: Visit, publisher: Publisher, books: list[Strategy]
) -> None:
    now = dt.datetime.now(dt.UTC)
    points_written(now)
    order(books[0], now, "s1", order_type="stop", limit_price=None, stop_price=Decimal("1.1496"),
          reduce_only=True, state="working", ended_at=None, filled=0, filled_value=0)  # fmt: skip
    page = visit(PATH, theme="light")
    page.wait_for_state("live")
    # The step is of whole seconds, 35 to 44 of them by the time of day: so many points are left.
    page.wait("Number(document.getElementById('charts').dataset.points) >= 9_700")
    assert page.count("#charts canvas") == 3
    assert "Protective stop at 1.149600." in str(page.attribute("#chart-price", "aria-label"))
    page.picture(PICTURES / "charts-with-a-stop.jpeg")
    assert page.attribute("#chart-pnl", "aria-label").startswith("PnL, USD: first ")  # type: ignore[union-attr]

    # The frames carry the line on: its last value is what the figures above it say, and more.
    last = "document.querySelector('#chart-pnl').getAttribute('aria-label')"
    before = page.evaluate(last)
    page.wait(f"{last} !== {before!r}")

    # By keyboard: a time is read out, a part is shown, the whole comes back.
    page.evaluate("document.getElementById('charts').focus()")
    page.press_key("ArrowLeft")
    said = page.text("#charts-said")
    assert "drawdown" in said
    assert "price 1.1" in said
    assert not page.visible("#charts-reset")
    page.press_key("+")
    assert page.visible("#charts-reset")
    assert page.violations() == []
    page.press_button("Whole range")
    assert not page.visible("#charts-reset")
    assert page.evaluate("document.activeElement.id") == "charts"

    # By mouse: a part is drawn on one panel and shown on all.
    box = page.do(lambda one: one.locator("#chart-price").bounding_box())
    assert box is not None

    def drag(one: object) -> None:
        mouse = one.mouse  # type: ignore[attr-defined]
        mouse.move(box["x"] + 200, box["y"] + 50)
        mouse.down()
        mouse.move(box["x"] + 400, box["y"] + 50, steps=4)
        mouse.up()

    page.do(drag)
    page.wait("!document.getElementById('charts-reset').hidden")

    # In the other theme lines are drawn in its ink.
    ink = """() => {
      const canvas = document.querySelector('#chart-price canvas');
      const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
      let light = 0, dark = 0;
      for (let n = 0; n < data.length; n += 4) if (data[n + 3] > 200) {
        if (data[n] > 230) light += 1; else if (data[n] < 30) dark += 1;
      }
      return light > dark;
    }"""
    assert page.evaluate(ink) is False
    page.press_button("Light theme")
    page.wait(f"({ink})()")
    assert page.violations() == []

    # A hold that ends reloads the page as before; the same chart as a table is a link away.
    publisher.lines = [strategy_line()]
    page.do(lambda one: one.get_by_role("link", name="As table").click())
    page.wait("document.querySelector('.charts-table tbody tr') !== null")
    assert page.count(".charts-table tbody tr") >= 40
    assert page.violations() == []

    # What frames do not carry is measured anew, and says when. Last: a new row is lit at first.
    measured = page.text("[data-measured-as-of]")
    order(books[0], now, "d1", state="denied", filled=0, filled_value=0, send_to_answer_us=None)
    page.wait(f"new Date().toISOString().slice(11, 19) !== {measured!r}")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.wait("document.querySelector('[data-figure=filled] [data-sub]').textContent[0] === '1'")
    assert page.text("[data-figure=ack] [data-sub]") == "2 orders today"
    assert page.text("[data-measured-as-of]") != measured
    ours = "willReadFrequently"  # Chromium's advice on the readings of this test
    assert [one for one in page.complaints if ours not in one] == []


def test_charts_that_cannot_be_read_say_so_and_come_by_themselves(
    visit: Visit, books: list[Strategy]
) -> None:
    points_written(dt.datetime.now(dt.UTC))
    page = visit("/", width=390)
    said = threading.Event()

    def refusing(one: object) -> None:
        def answer(route: object) -> None:
            if said.is_set():
                route.continue_()  # type: ignore[attr-defined]
            else:
                route.abort()  # type: ignore[attr-defined]

        one.route("**/series**", answer)  # type: ignore[attr-defined]
        one.goto(one.url + PATH.lstrip("/"))  # type: ignore[attr-defined]

    page.do(refusing)
    page.wait("document.getElementById('charts-note').textContent.includes('asked again')")
    said.set()
    page.wait("document.getElementById('charts').dataset.points > 100")
    page.wait("!document.getElementById('charts-note').checkVisibility()")
    assert page.sideways() <= 0
