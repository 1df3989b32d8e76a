"""The pages in a real browser, with frames coming five times a second."""

import json
import signal
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from redis import Redis

from console.pages import formats
from tests.pages.frames import Publisher, hold_line, strategy_line
from tests.pages.web import Visit, Visitor, Web
from trading.portfolio.past import KEY as PAST

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_the_desk_moves_by_itself(visit: Visit) -> None:
    desk = visit("/")
    desk.wait_for_state("live")
    assert desk.title == "PAPER · ACTIVE · Desk · Haltline"
    pnl = '[data-key="mom-eurusd"] [data-f="pnl"] .v'
    before = desk.text(pnl)
    desk.wait(f"document.querySelector('{pnl}').textContent !== '{before}'")
    assert desk.text('[data-key="mom-eurusd"] .c-pnl').startswith("+")
    assert desk.text("#as-of") != "–"
    assert desk.complaints == []


def test_nothing_jumps_and_no_figure_is_always_underlined(
    visit: Visit, publisher: Publisher
) -> None:
    desk = visit("/")
    desk.wait_for_state("live")
    # The server may have told what was published to an earlier test.
    seq = "Number(document.querySelector('[data-band=frame-seq]').textContent.replace(/\\D/g, ''))"
    first = desk.evaluate(seq)
    desk.wait(f"{seq} > {first} + 3 && document.getElementById('ringing').hidden")
    desk.evaluate(
        """() => {
          window.shifts = []; window.flashes = 0;
          const named = node => node?.id || node?.className || node?.parentElement?.className;
          new PerformanceObserver(list => list.getEntries().forEach(
            e => shifts.push([e.value, ...e.sources.map(one => named(one.node))])
          )).observe({type: 'layout-shift'});
          const cell = document.querySelector('[data-key="mom-eurusd"] [data-f="pnl"] .v');
          new MutationObserver(all => all.forEach(one => {
            if ('changed' in one.target.dataset) flashes += 1 }))
            .observe(cell, {attributes: true, attributeFilter: ['data-changed']});
        }"""
    )
    desk.pause(3)
    assert [one for one in desk.evaluate("shifts") if one[0] >= 0.001] == []
    assert 1 <= desk.evaluate("flashes") <= 3
    # The widest that the band has to say fits, so that nothing is cut while it counts.
    cut = desk.evaluate(
        """longest => Object.entries(longest).filter(([name, text]) => {
          const node = document.querySelector(`[data-band="${name}"]`);
          node.textContent = text;
          return node.scrollWidth > node.clientWidth;
        }).map(([name]) => name)""",
        {"conn-sub": "frame 990 ms old", "date": "Wed 26 Nov · 20:08 New York",
         "data-sub": "20 not fresh", "feed-sub": "Wed 26 Nov · running",
         "sub": "12 holds open on 12 of 20 strategies"},
    )  # fmt: skip
    assert cut == []


# What the pill says and when, by the page's own clock: a busy machine may look too late to see it.
RECORD = """() => {
  const band = document.getElementById('band');
  window.said = [];
  const note = () => {
    const word = band.querySelector('[data-band=conn-word]').textContent;
    window.said.push([band.dataset.conn, word, performance.now()]);
  };
  note();
  new MutationObserver(note).observe(band, {
    attributes: true, attributeFilter: ['data-conn'], subtree: true, childList: true,
    characterData: true,
  });
}"""
DEAD = "window.said.some(([state]) => state === 'dead')"


def said_in_time(desk: Visitor) -> set[tuple[str, str]]:
    """States and words told since `RECORD`; it was dead three seconds after what came last."""
    desk.wait(DEAD)
    said = desk.evaluate("window.said")
    late = next(at for state, _word, at in said if state in {"late", "try"})
    dead = next(at for state, _word, at in said if state == "dead")
    assert dead - late < 3500
    return {(state, word) for state, word, _at in said}


def test_a_desk_that_falls_silent_says_so_within_three_seconds(
    visit: Visit, publisher: Publisher
) -> None:
    desk = visit("/")
    desk.wait_for_state("live")
    desk.evaluate("window.sameVisit = true")
    desk.evaluate(RECORD)
    publisher.silent = True
    assert "late" in {state for state, _word in said_in_time(desk)}
    assert desk.title.startswith("PAPER · UNKNOWN")
    assert desk.text("[data-band=word]") == "UNKNOWN"
    assert desk.text("[data-band=sub]").startswith("was ACTIVE at")
    assert desk.text("#banner strong").startswith("No frame for ")
    assert desk.count("#haltline i[data-state=ACTIVE]") == 0
    age = '[data-key="mom-eurusd"] [data-f="data-age"]'
    desk.wait(f"document.querySelector('{age}').dataset.age === 'stale'", 5)
    first = desk.text(age)
    desk.pause(1.2)
    assert desk.text(age) != first, "ages grow while nothing comes"
    assert desk.violations() == []
    publisher.silent = False
    desk.wait_for_state("live")
    assert not desk.visible("#banner")
    assert desk.evaluate("window.sameVisit") is True, "without a reload"
    assert desk.complaints == []


def test_a_lost_server_is_said_within_three_seconds_and_found_again(web: Web, visit: Visit) -> None:
    desk = visit("/")
    desk.wait_for_state("live")
    desk.evaluate("window.sameVisit = true")
    desk.evaluate(RECORD)
    with web.away():
        assert ("try", "Reconnecting") in said_in_time(desk)
        assert desk.text("#banner strong").startswith("Connection lost")
        desk.wait("!document.getElementById('lost').hidden")
        desk.wait("document.querySelector('[data-act=lift]').ariaDisabled === 'true'")
        assert desk.text("#attempts tbody th").startswith("attempt ")
        # The button while the server is still gone: once it is back the page may find it itself.
        banner = "document.getElementById('banner').textContent"
        desk.wait(f"/Next try in [3-8] s/.test({banner})", 40)
        waiting_for = int(desk.evaluate(f"{banner}.match(/attempt (\\d+)/)[1]"))
        desk.press_button("Try now")
        later = f"Number({banner}.match(/attempt (\\d+)/)[1])"
        desk.wait(f"/Trying/.test({banner}) || {later} > {waiting_for}", 10)
    desk.wait_for_state("live", 20)
    assert desk.evaluate("window.sameVisit") is True, "without a reload"


def test_a_network_that_swallows_everything_is_said_and_outlived(web: Web, visit: Visit) -> None:
    """Nothing comes and nothing is closed: what a pulled cable looks like from the page."""
    desk = visit("/")
    desk.wait_for_state("live")
    desk.evaluate("window.sameVisit = true")
    desk.evaluate(RECORD)
    web.send(signal.SIGSTOP)
    try:
        said_in_time(desk)
        assert desk.text("[data-band=word]") == "UNKNOWN"
    finally:
        web.send(signal.SIGCONT)
    desk.wait_for_state("live", 15)
    assert desk.evaluate("window.sameVisit") is True, "without a reload"


def test_redis_that_stands_still_is_said_and_outlived(visit: Visit, redis: Redis) -> None:
    desk = visit("/")
    desk.wait_for_state("live")
    desk.evaluate("window.sameVisit = true")
    desk.evaluate(RECORD)
    redis.client_pause(4500)
    said_in_time(desk)
    desk.wait_for_state("live", 15)
    assert desk.evaluate("window.sameVisit") is True, "without a reload"
    assert desk.text('[data-key="mom-eurusd"] .state') == "ACTIVE"


def test_signing_out_elsewhere_ends_the_page(visit: Visit, session_key: str) -> None:
    desk = visit("/")
    desk.wait_for_state("live")
    Session.objects.filter(session_key=session_key).delete()
    desk.wait_for_address("**/sign-in**", 8)


def test_unknown_values_and_stale_prices_are_shown_as_such(
    visit: Visit, publisher: Publisher
) -> None:
    publisher.lines = [
        strategy_line(
            "mom-eurusd", pnl=None, unrealised=None, gross=None, net=None, position=[],
            state="UNKNOWN", why="no price for EURUSD", data_age_ms=None, data="dead",
        ),
        strategy_line("mr-btcusdt", data="stale", data_age_ms=38_000, pnl="-5.00"),
    ]  # fmt: skip
    desk = visit("/")
    desk.wait_for_state("live")
    desk.wait("document.querySelector('[data-key=mom-eurusd] .state').dataset.state === 'UNKNOWN'")
    assert desk.text('[data-key="mom-eurusd"] [data-f="pnl"]').strip() == "–"
    assert desk.text('[data-key="mom-eurusd"] [data-f="position"]') == "none"
    assert desk.count("#haltline i[data-state=UNKNOWN]") == 1
    stale, live = (
        desk.evaluate(
            f"getComputedStyle(document.querySelector('[data-key=\"mr-btcusdt\"] {at}')).color"
        )
        for at in ('[data-f="pnl"]', '[data-f="key"]')
    )
    assert stale != live
    assert desk.text('[data-key="mr-btcusdt"] [data-f="data-age"]') == "38 s"
    assert desk.violations() == []


def test_theme_and_density_are_chosen_and_kept(visit: Visit) -> None:
    desk = visit("/", theme="dark")
    row = "document.querySelector('#strategies tbody tr').offsetHeight"
    assert desk.evaluate(row) == 36
    desk.press_button("Dark theme")
    desk.press_button("Dense rows")
    assert desk.evaluate(row) == 44
    desk.reload()
    assert desk.evaluate(row) == 44
    assert desk.evaluate("document.documentElement.dataset.theme") == "light"
    shown = desk.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert shown == "rgb(245, 246, 247)"
    assert desk.complaints == []


def test_everything_is_reached_by_keyboard(visit: Visit) -> None:
    desk = visit("/")
    reached = []
    for _ in range(17):
        desk.press_key("Tab")
        reached.append(desk.evaluate("document.activeElement.textContent.trim().split(/\\s/)[0]"))
    assert reached[1] in ("0", "–"), "approvals waiting; unknown where the database was not prompt"
    assert reached[:1] + reached[2:16] == [
        "Skip", "Stop…", "Desk", "Risk", "Approvals", "Holds", "Performance", "Pipeline", "Engines",
        "Find", "Sound", "Dense", "Dark", "Security", "Sign",
    ]  # fmt: skip


def test_without_script_the_page_stands_and_says_that_it_does_not_move(visit: Visit) -> None:
    time.sleep(0.5)  # one frame has been kept by then
    desk = visit("/", script=False)
    assert "This page moves by script" in desk.text("body")
    assert "mom-eurusd" in desk.text("#strategies")
    assert desk.text("[data-band=conn-word]") == "Snapshot"


def test_on_a_phone_five_tabs_and_stop_are_in_reach(visit: Visit, publisher: Publisher) -> None:
    publisher.lines = [
        strategy_line(),
        strategy_line("mr-btcusdt", state="HALTED", mode="HALTED", own=True, holds=[hold_line()]),
    ]
    desk = visit("/", width=390, height=844)
    desk.wait_for_state("live")
    halted = "tr[data-key=mr-btcusdt]"
    desk.wait(f"document.querySelector('{halted} .state').dataset.state === 'HALTED'")
    assert desk.text(f"{halted} .state-word") == "HALTED", "no glyph stands without its word"
    active = desk.evaluate("document.querySelector('tr[data-key=mom-eurusd] .state').textContent")
    assert active == "ACTIVE"
    assert desk.visible("tr[data-key=mom-eurusd] .c-pnl")
    assert not desk.visible("tr[data-key=mom-eurusd] .c-position")
    tabs = desk.evaluate("[...document.querySelectorAll('.nav-tabs > li')].map(li => li.innerText)")
    assert tabs == ["Desk", "Risk", "Approvals", "Holds", "More"]
    assert not desk.visible(".nav-more")
    desk.do(lambda page: page.locator(".nav-else summary").tap())
    on_top = """name => {
      const box = document.querySelector(name).getBoundingClientRect();
      const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
      return box.height >= 44 && Boolean(top.closest(name));
    }"""
    for name in ("#stop-open", ".nav-more [data-go=p]", ".nav-more [data-go=s]",
                 ".nav-more [data-sign-out]", ".nav-tabs [data-go=d]"):  # fmt: skip
        assert desk.evaluate(on_top, name), f"{name} is covered, or too small to touch"
    assert desk.violations() == []
    desk.do(lambda page: page.locator(".nav-more [data-go=p]").tap())
    desk.wait_for_address("**/pipeline", 8)
    assert desk.attribute(".nav-more [data-go=p]", "aria-current") == "page"


def test_the_pipeline_moves_and_names_what_is_not_well(
    visit: Visit, publisher: Publisher, redis: Redis
) -> None:
    past = {"p99_us": {"broker": [9000] * 168 + [61_000] * 12}}
    redis.set(PAST, json.dumps(past), ex=60)
    pipeline = visit("/pipeline?past=5m")
    pipeline.wait_for_state("live")
    since = "document.querySelector('.stage[data-key=broker] [data-f=since]').textContent"
    pipeline.wait(f"{since}.startsWith('5 min, worst 61.0 ms')", 20)
    pipeline.do(lambda page: page.get_by_role("link", name="15 min").click())
    pipeline.wait(f"{since}.startsWith('15 min')", 20)
    pipeline.press_key("t")
    assert pipeline.evaluate("location.search") == "?past=1m", "it can be handed on"
    pipeline.wait(f"{since}.startsWith('1 min')", 20)
    redis.delete(PAST)
    publisher.pipeline = {
        "gateways": [{"account": "paper-1", "venue": "Paper One", "live": False,
                      "connected": None, "licence_ms": None, "state": "dead",
                      "heartbeat_ms": None, "p50_us": None, "p99_us": None}],
        "services": [{"name": "database", "status": "dead", "ms": None}],
    }  # fmt: skip
    pipeline.wait("document.getElementById('flags').textContent.includes('not heard of')")
    assert "database dead" in pipeline.text("#flags")
    assert pipeline.text("#gateways tbody tr td:last-child") == "–"
    assert pipeline.text('.markets [data-session="market:TSE"] b').startswith("TSE ")
    assert (
        pipeline.text('.markets [data-session="market:FOREX"] span')
        == "EURUSD, GBPUSD, AUDUSD, XAUUSD"
    )
    assert pipeline.text('.service[data-key="database"] p') == "– does not answer"
    assert pipeline.violations() == []
    assert pipeline.complaints == []


FIGURES = [None, "0", "0.00", "-0.004", "0.005", "-12.3", "1240.555", "1234567.5", "812340.00",
           "-53100000", "999.95", "1E3", "0.00000001", "-2140000000.25"]  # fmt: skip


def _python(value: str | None) -> list[Any]:
    figure = None if value is None else Decimal(value)
    return [
        formats.number(figure, 0, plus=True), formats.number(figure, 2, plus=True),
        formats.exact(figure, plus=True), formats.thousands(figure, plus=True),
        list(formats.compact(figure)), formats.tone(figure),
    ]  # fmt: skip


def test_the_page_writes_figures_as_the_server_does(visit: Visit) -> None:
    desk = visit("/sign-in", signed_in=False)
    figures = [None if one is None else format(Decimal(one), "f") for one in FIGURES]
    ages = [None, -5, 0, 240, 9_999, 10_000, 59_999, 60_000, 312 * 60_000, 76 * 3_600_000,
            9 * 86_400_000, 324_097_225_026]  # fmt: skip
    times = [None, 0, 40, 999, 1000, 6_850, 99_999, 100_000, 610_400, 1_240_000]
    drawn = desk.evaluate(
        """async ([figures, ages, times]) => {
          const f = await import('/static/js/format.js');
          return [
            figures.map(v => [f.number(v, 0, true), f.number(v, 2, true), f.exact(v, true),
                              f.thousands(v, true), f.compact(v), f.tone(v)]),
            ages.map(ms => [f.age(ms), f.age(ms, true)]), times.map(us => f.latency(us)),
            f.sum(['0.1', '0.2', '-12.30']), f.sum(['1', null]),
          ];
        }""",
        [figures, ages, times],
    )
    assert drawn[0] == json.loads(json.dumps([_python(one) for one in figures]))
    assert drawn[1] == [[formats.age(ms), formats.age(ms, whole=True)] for ms in ages]
    assert drawn[2] == [formats.latency(us) for us in times]
    assert drawn[3:] == ["-12", None]


def test_names_from_frames_are_text_and_never_markup(
    visit_as: Callable[[User], Visit], ada: User, publisher: Publisher
) -> None:
    publisher.lines = [strategy_line("<img src=x onerror=alert(1)>", owner="<b>x</b>")]
    desk = visit_as(ada)("/")  # who sees also what is in no books
    desk.wait_for_state("live")
    desk.wait("document.getElementById('strategies').textContent.includes('<img src=x')")
    assert desk.count("#strategies img") == 0
    assert desk.complaints == []
