"""The desk worked by keys, its address, its sounds; and that frames lead where a fresh page is."""

import datetime as dt
import json
import random
import time
from typing import Any

import pytest

from console.pages import deskview, marketclock
from console.pages.frames import StrategyLine, _desk
from tests.pages.frames import (
    Publisher,
    account_part,
    alert_line,
    desk_frame,
    hold_line,
    strategy_line,
)
from tests.pages.web import Visit, Visitor

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SELECTED = "document.querySelector('[aria-selected=true]')?.dataset.key"
ROWS = "[...document.querySelectorAll('#strategies tbody tr')].map(row => row.dataset.key)"


def lines(**changes: Any) -> list[dict[str, Any]]:
    return [
        strategy_line(pnl="-3.00", **changes),
        strategy_line("mr-btcusdt", account="paper-2", owner="tomas.brandt", pnl="7.50"),
    ]


def test_the_desk_is_worked_by_keys(visit: Visit, publisher: Publisher) -> None:
    publisher.lines = lines(holds=[hold_line()], state="HALTED", mode="HALTED", own=True)
    desk = visit("/")
    desk.wait_for_state("live")
    for key, then in (("j", "mom-eurusd"), ("j", "mr-btcusdt"), ("k", "mom-eurusd")):
        desk.press_key(key)
        assert desk.evaluate(SELECTED) == then
    desk.press_key("Escape")
    assert desk.evaluate(SELECTED) is None

    desk.press_key("/")
    desk.do(lambda page: page.keyboard.type("btc"))
    desk.wait(f"{ROWS}.join() === 'mr-btcusdt'")
    assert desk.evaluate("location.search") == "?q=btc"
    assert desk.text("#strategies-sum").startswith("1 of 2")
    desk.do(lambda page: page.keyboard.type(" nothing"))
    desk.wait("!document.getElementById('none-shown').hidden")
    desk.press_key("Escape")
    desk.press_key("Escape")
    desk.wait(f"{ROWS}.length === 2")

    desk.do(lambda page: page.click('[data-sort="pnl"]'))
    desk.do(lambda page: page.click('[data-sort="pnl"]'))
    desk.wait(f"{ROWS}[0] === 'mr-btcusdt'")
    assert desk.evaluate("location.search") == "?sort=-pnl"
    assert desk.attribute("th.c-pnl", "aria-sort") == "descending"
    desk.do(lambda page: page.click('[data-show="held"]'))
    desk.wait(f"{ROWS}.join() === 'mom-eurusd'")
    desk.reload()
    assert desk.evaluate(ROWS) == ["mom-eurusd"], "the address says it, to the server as well"
    assert desk.attribute("th.c-pnl", "aria-sort") == "descending"
    assert desk.text('[data-show="held"]').split() == ["Held", "1"]
    desk.wait_for_state("live")

    desk.press_key("?")
    desk.wait("document.getElementById('keys-dialog').open")
    assert desk.violations() == []
    desk.do(lambda page: page.click("[name=single-keys]"))
    desk.press_key("Escape")
    desk.reload()
    desk.wait_for_state("live")
    desk.press_key("j")
    assert desk.evaluate(SELECTED) is None, "single keys are off, and stay so"
    desk.press_key("Control+k")
    desk.wait("document.getElementById('palette').open")
    desk.do(lambda page: page.keyboard.type("trigger set"))
    assert desk.text("#palette li b") == "Trigger settings"
    desk.do(lambda page: page.locator("#palette input").fill("pause mom"))
    assert desk.text("#palette li b") == "Pause mom-eurusd…"
    assert desk.violations() == []
    desk.press_key("Enter")
    desk.wait("document.getElementById('stop-dialog').open")
    assert desk.text("#stop-hold .hold-label") == "Hold to pause mom-eurusd"
    desk.press_key("Escape")
    desk.press_key("?")
    desk.do(lambda page: page.click("[name=single-keys]"))
    desk.press_key("Escape")
    desk.press_key("g")
    assert desk.visible("#going")
    desk.press_key("h")
    desk.wait_for_address("**/holds", 5)
    assert desk.complaints == []


def test_rows_do_not_change_places_under_a_pointer(visit: Visit, publisher: Publisher) -> None:
    publisher.lines = lines()
    desk = visit("/?sort=-pnl")
    desk.wait_for_state("live")
    assert desk.evaluate(ROWS) == ["mr-btcusdt", "mom-eurusd"]
    desk.do(lambda page: page.hover("#strategies tbody tr"))
    publisher.lines = [lines()[0], strategy_line("mr-btcusdt", pnl="-90.00")]
    desk.wait("document.querySelector('[data-key=mr-btcusdt] .c-pnl').textContent.includes('90')")
    desk.pause(5.2)
    assert desk.evaluate(ROWS) == ["mr-btcusdt", "mom-eurusd"]
    desk.do(lambda page: page.mouse.move(5, 5))
    desk.wait(f"{ROWS}[0] === 'mom-eurusd'", 7)
    assert desk.text("#strategies thead [aria-sort]") == "PnL today, USD"


def some_frame(chance: random.Random) -> list[dict[str, Any]]:
    """Strategies as they might be: any of their figures unknown."""

    def maybe(value: Any) -> Any:
        return None if chance.random() < 0.2 else value

    def money() -> str:
        return f"{chance.uniform(-1e5, 1e5):.2f}"

    def figures() -> dict[str, Any]:
        return {name: maybe(money()) for name in ("pnl", "gross", "net")}

    def positions() -> list[dict[str, Any]]:
        return [
            {"symbol": chance.choice(["EURUSD", "BTCUSDT"]), "quantity": money(),
             "account": account, "rehearsal": account == "rehearsal", "mark": "1.154245",
             "average_price": "1.15422", "unrealised": maybe(money())}
            for account in ("paper-1", "rehearsal") if chance.random() < 0.7
        ]  # fmt: skip

    def places() -> list[dict[str, Any]]:
        return [
            account_part(name, rehearsal=name == "rehearsal", venue=name.title(), **figures())
            for name in ("paper-1", "paper-2", "rehearsal") if chance.random() < 0.7
        ]  # fmt: skip

    def one(key: str) -> dict[str, Any]:
        held = chance.random() < 0.4
        kind = chance.choice(["pause", "kill", "reduce-only", "breaker"])
        state = chance.choice(["ACTIVE", "UNKNOWN"])
        return strategy_line(
            key, pnl=maybe(money()), unrealised=maybe(money()), gross=maybe(money().strip("-")),
            net=maybe(money()), drawdown=maybe(f"{chance.uniform(0, 20):.2f}"),
            hit=maybe(f"{chance.uniform(0, 100):.2f}"), slippage_bp=maybe(money()[:5]),
            filled=maybe("97.1"), last_signal=None,
            limit=maybe({"kind": "open-orders", "share": f"{chance.uniform(0, 1.2):.3f}"}),
            state="HALTED" if held else state, own=held and chance.random() < 0.5,
            holds=[hold_line(kind, own=chance.random() < 0.5)] if held else [],
            why="" if state == "ACTIVE" else "no price", position=maybe(positions()),
            accounts=places(), real=maybe(figures()),
            stage=maybe({"rung": chance.choice(["live", "ramp", "paper"]), "factor": "0.25",
                         "since": "2026-11-20T09:00:00Z"}),
            line=[money() for _ in range(chance.randint(0, 5))],
            alerts=maybe([alert_line(severity=one) for one in chance.sample(GRAVE, 2)]),
        )  # fmt: skip

    return [one(key) for key in ("mom-eurusd", "mr-btcusdt")]


GRAVE = ("critical", "warning", "info")
PICTURE = """
  page => [page.querySelector('#ringing').outerHTML.replace(/\\s+/g, ' '),
   ...[...page.querySelectorAll('#strategies, #instruments, #groups')].map(table =>
     [...table.tBodies[0].rows]).flat()].map(row => typeof row === 'string' ? row :
    [...row.cells].filter(cell => !cell.matches('.c-data')).map(cell =>
      [cell.className.replace(/ ?(rise|fall) ?/g, ' ').trim(),
       [...cell.querySelectorAll('use')].map(use => use.getAttribute('href')).join(),
       [...cell.querySelectorAll('.bar-use')].map(bar => Number(bar.getAttribute('width'))).join(),
       cell.querySelector('polyline')?.getAttribute('points') ?? '',
       [...cell.querySelectorAll('[hidden]')].length,
       cell.querySelector('.state')?.dataset.state ?? '',
       cell.textContent.replace(/\\s+/g, ' ').trim()].join(' | ')))
"""
FRESH = f"""
  async () => {{
    const answer = await fetch(location.href);
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    const picture = ({PICTURE});
    return [picture(document), picture(page)];
  }}
"""


def test_snapshot_and_frames_are_a_fresh_snapshot(visit: Visit, publisher: Publisher) -> None:
    """Whatever came before, and whatever of it was missed: the page stands as a new one would."""
    chance = random.Random(20_261_126)
    publisher.lines = some_frame(chance)
    desk = visit("/")
    desk.wait_for_state("live")
    for _ in range(12):
        publisher.lines = some_frame(chance)
        desk.pause(chance.choice([0.05, 0.25, 0.6]))  # so that some are never seen
        publisher.lines = some_frame(chance)
        number = publisher.told() + 1
        desk.wait(f"Number({SEQ}) > {number}")
        assert_stands(desk)
    assert desk.complaints == []


def assert_stands(desk: Visitor) -> None:
    """Band and table draw at pictures of their own, so it may take one more than the band's."""
    end = time.monotonic() + 20
    while True:
        drawn, fresh = desk.evaluate(FRESH)
        if drawn == fresh or time.monotonic() > end:
            break
    assert drawn == fresh


SEQ = "document.querySelector('[data-band=frame-seq]').textContent.replace(/\\D/g, '')"

HEARD = """() => {
  window.tones = 0;
  window.AudioContext = class {
    state = 'running'; currentTime = 0; destination = {};
    resume() { return Promise.resolve(); }
    createOscillator() {
      return {frequency: {}, connect: next => next, start: () => { tones += 1 }, stop() {}};
    }
    createGain() {
      const gain = {setValueAtTime() {}, linearRampToValueAtTime() {}};
      return {gain, connect: next => next};
    }
  };
}"""


def alarm_with(desk: Visitor, publisher: Publisher, breaches: int) -> None:
    publisher.desk = {"triggers": {"ok": 1, "warning": 0, "breach": breaches, "unknown": 0}}
    heard(desk, "A trigger is in breach.")


def heard(desk: Visitor, words: str) -> None:
    desk.wait(f"document.getElementById('alarm').textContent.includes({words!r})")
    desk.evaluate("() => { document.getElementById('alarm').textContent = '' }")


def test_critical_alarms_sound_when_asked_to(visit: Visit, publisher: Publisher) -> None:
    desk = visit("/")
    desk.wait_for_state("live")
    desk.evaluate(HEARD)
    alarm_with(desk, publisher, 1)
    assert desk.evaluate("tones") == 0, "off until somebody turns it on"
    desk.press_button("Sound off")
    assert desk.violations() == []
    desk.do(lambda page: page.click("[data-sound=on]"))
    desk.press_button("Test")
    desk.wait("tones === 3")
    desk.press_button("Close")
    desk.evaluate("Object.defineProperty(document, 'hidden', {value: true, configurable: true})")
    alarm_with(desk, publisher, 2)
    desk.wait("tones === 6", 20)  # in a tab that nobody sees, too
    desk.evaluate("delete document.hidden")
    desk.press_key("m")
    assert desk.text("[data-sound-open]") == "Muted 15 m"
    desk.pause(3.1)
    alarm_with(desk, publisher, 3)
    assert desk.evaluate("tones") == 6
    over = "Number(localStorage.getItem('haltline.muted-until.mercy.okafor')) - Date.now()"
    assert 14 * 60_000 < desk.evaluate(over) <= 15 * 60_000
    desk.evaluate("() => localStorage.setItem('haltline.muted-until.mercy.okafor', '1')")
    alarm_with(desk, publisher, 4)
    desk.wait("tones === 9")
    desk.wait("document.querySelector('[data-sound-open]').textContent === 'Sound on'")
    publisher.lines = lines(alerts=[alert_line("Slow", severity="warning"), alert_line()])
    heard(desk, "mom-eurusd: alert Low Fill Rate.")
    assert "Slow" not in desk.text("#alarm")
    assert desk.complaints == []


MOMENTS = [
    "2026-11-25T15:00:00Z", "2026-11-26T15:00:00Z", "2026-11-27T17:59:30Z",
    "2026-11-28T12:00:00Z", "2026-03-08T06:59:00Z", "2026-12-24T17:30:00Z", "2027-01-01T00:00:00Z",
]  # fmt: skip
VIEWS = ["", "sort=-pnl", "sort=limit&show=near", "q=paper-2", "show=mine&sort=-drawdown",
         "sort=-stage", "sort=hold&show=held", "sort=-gross", "q=kill mercy"]  # fmt: skip


def test_the_page_chooses_orders_and_reckons_as_the_server_does(visit: Visit) -> None:
    chance = random.Random(6)
    made = [{**one, "key": f"s{n}", "owner": chance.choice(["mercy.okafor", "tomas.brandt"])}
            for n in range(8) for one in some_frame(chance)[:1]]  # fmt: skip
    desk = visit("/")
    desk.wait_for_state("live")
    told = [marketclock.market_facts(dt.datetime.fromisoformat(at), every=True) for at in MOMENTS]
    drawn = desk.evaluate(
        """async ([lines, views, moments, told]) => {
          const view = await import('/static/js/deskview.js');
          const market = await import('/static/js/market.js');
          return [
            views.map(one => view.shown(view.viewOf(one), lines, 'mercy.okafor').map(l => l.key)),
            view.counts(lines, 'mercy.okafor'),
            moments.map((at, n) => told[n].map(one => market.sessionOf(one, Date.parse(at)))),
          ];
        }""",
        [made, VIEWS, MOMENTS, told],
    )
    parsed: list[StrategyLine] = _desk.decode(json.dumps(desk_frame(*made))).strategies
    names = {"mercy.okafor": "M. Okafor"}
    for asked, keys in zip(VIEWS, drawn[0], strict=True):
        view = deskview.view_of(dict(one.split("=") for one in asked.split("&") if one))
        found = deskview.shown(view, parsed, names, "mercy.okafor")
        assert [one.key for one in found] == keys, asked
    assert drawn[1] == deskview.counts(parsed, "mercy.okafor")
    for at, sessions in zip(MOMENTS, drawn[2], strict=True):
        moment = dt.datetime.fromisoformat(at)
        said = marketclock.sessions_of(moment)
        said += [one.now for one in marketclock.tiles_of(moment)]
        assert [[one.open, one.word, one.sub, one.done] for one in said] == sessions, at
