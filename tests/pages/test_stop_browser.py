"""Stopping through the pages, in a real browser: by mouse, by keyboard, without script, and while
half of the desk is away."""

import time
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User

from riskctl.models import DeadMan, Hold
from tests.pages.frames import Publisher, dead_man, hold_line, strategy_line
from tests.pages.web import Visit, Visitor, Web
from tests.support.gateways import FakeGateway

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

As = Callable[[User], Visit]
HOLD, SAY = "#stop-hold", "#stop-say"
SHOWN = "document.querySelector('#stop-receipt .receipt')"


def only_hold(seconds: float = 20) -> Hold:
    """The one hold there is, once it is written."""
    until = time.monotonic() + seconds
    while not Hold.objects.exists():
        assert time.monotonic() < until, "no hold was placed"
        time.sleep(0.02)
    return Hold.objects.get()


def hold_by_mouse(page: Visitor, selector: str, seconds: float = 1.0) -> None:
    def press(at: object) -> None:
        at.locator(selector).first.hover()  # type: ignore[attr-defined]
        at.mouse.down()  # type: ignore[attr-defined]
        at.wait_for_timeout(seconds * 1000)  # type: ignore[attr-defined]
        at.mouse.up()  # type: ignore[attr-defined]

    page.do(press)


def hold_key(page: Visitor, key: str, seconds: float = 1.0) -> None:
    page.do(lambda at: at.keyboard.down(key))
    page.pause(seconds)
    page.do(lambda at: at.keyboard.up(key))


def effective(page: Visitor) -> str:
    """Wait for the receipt; the line that says since when it is effective."""
    page.wait(f"{SHOWN}?.dataset.effective === 'yes'")
    return page.text("#stop-receipt .marks li:nth-child(3)")


def test_the_firm_is_stopped_by_mouse_and_the_receipt_says_since_when(
    visit_as: As, ada: User, gateways: dict[str, FakeGateway]
) -> None:
    desk = visit_as(ada)("/")
    desk.wait_for_state("live")
    desk.do(lambda at: at.locator("#stop-open").click())
    assert desk.evaluate("document.activeElement.id") == "stop-cancel"
    assert desk.text(f"{HOLD} .hold-label") == "Hold to kill firm"
    desk.wait("document.querySelectorAll('#stop-preview .facts div').length === 7")
    assert desk.violations() == []
    hold_by_mouse(desk, HOLD)
    line = effective(desk)
    assert "no venue can accept a new order; in flight: none" in line
    assert "+" in line
    hold = only_hold()
    assert (hold.scope, hold.kind, hold.placed_by) == ("firm", "kill", "ada.nwosu")
    assert hold.reason == "no reason given"
    assert {one for gateway in gateways.values() for one in gateway.holds} == {str(hold.id)}
    assert "2 of 2" in desk.text("#stop-receipt .marks li:nth-child(4)")
    assert desk.text("#stop-receipt .marks li:nth-child(7)").startswith("Flat")
    assert desk.attribute("#stop-receipt .marks li:nth-child(6)", "data-state") == "pending"
    assert desk.violations() == []
    assert desk.complaints == []


def test_released_early_nothing_is_sent(
    visit_as: As, ada: User, gateways: dict[str, FakeGateway]
) -> None:
    desk = visit_as(ada)("/")
    desk.press_key("Control+.")
    for _ in range(3):  # longer in sum than it takes; each so short that a busy machine hurts not
        hold_by_mouse(desk, HOLD, 0.3)
        assert desk.text(SAY) == "Not sent: released early."
    desk.do(lambda at: at.locator("#stop-cancel").click())
    desk.pause(1)
    assert not Hold.objects.exists()
    assert not any(one.told for one in gateways.values())


def test_dragged_off_the_button_nothing_is_sent(
    visit_as: As, ada: User, gateways: dict[str, FakeGateway]
) -> None:
    desk = visit_as(ada)("/")
    desk.press_key("Control+.")
    desk.do(lambda at: at.locator(HOLD).hover())
    desk.do(lambda at: at.mouse.down())
    desk.do(lambda at: at.mouse.move(300, 120))
    desk.pause(1.2)
    desk.do(lambda at: at.mouse.up())
    assert desk.text(SAY).startswith("Not sent")
    assert not Hold.objects.exists()


def test_by_keyboard_from_within_a_field(
    visit_as: As, mercy: User, gateways: dict[str, FakeGateway]
) -> None:
    page = visit_as(mercy)("/strategies/mom-eurusd")
    page.wait_for_state("live")
    page.do(lambda at: at.locator("#stage-reason").focus())
    page.press_key("Control+.")
    assert page.evaluate("document.getElementById('stop-dialog').open")
    page.press_key("1")
    page.press_key("p")
    assert page.text(f"{HOLD} .hold-label") == "Hold to pause mom-eurusd"
    page.press_key("Tab")
    assert page.evaluate("document.activeElement.id") == "stop-hold"
    hold_key(page, "Enter")
    effective(page)
    hold = only_hold()
    assert (hold.scope, hold.kind, hold.placed_by) == (
        "strategy:mom-eurusd", "pause", "mercy.okafor",
    )  # fmt: skip
    assert page.evaluate("document.activeElement.id") == "stop-close"
    assert page.complaints == []


def test_space_and_then_a_focused_confirm(
    visit_as: As, ada: User, gateways: dict[str, FakeGateway]
) -> None:
    desk = visit_as(ada)("/")
    desk.press_key("Control+.")
    desk.press_key("f")
    desk.do(lambda at: at.locator(HOLD).focus())
    desk.press_key("Space")
    assert desk.evaluate("document.activeElement.id") == "stop-confirm"
    assert not Hold.objects.exists()
    desk.press_key("Enter")
    effective(desk)
    hold = only_hold()
    assert (hold.kind, hold.mode, hold.cancels) == ("kill", "FROZEN", True)


def test_by_touch_on_a_phone(visit_as: As, ada: User, gateways: dict[str, FakeGateway]) -> None:
    desk = visit_as(ada)("/", width=390, height=844)
    desk.wait_for_state("live")
    desk.do(lambda at: at.locator("#stop-open").tap())
    box = desk.do(lambda at: at.locator(HOLD).bounding_box())
    assert box is not None
    finger = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    link = desk.do(lambda at: at.context.new_cdp_session(at))

    def touch(kind: str, *points: dict[str, float]) -> None:
        desk.do(lambda _: link.send("Input.dispatchTouchEvent",
                                    {"type": kind, "touchPoints": list(points)}))  # fmt: skip

    touch("touchStart", finger)
    desk.pause(0.2)
    touch("touchEnd")
    desk.wait(f"document.querySelector('{SAY}').textContent === 'Not sent: released early.'", 20)
    touch("touchStart", finger)
    touch("touchMove", {"x": finger["x"] + 6, "y": finger["y"] + 9})  # a hand that shakes
    desk.pause(1)
    touch("touchEnd")
    effective(desk)
    assert only_hold().scope == "firm"


def test_with_reduced_motion_it_fills_in_eight_steps(
    visit_as: As, ada: User, gateways: dict[str, FakeGateway]
) -> None:
    desk = visit_as(ada)("/")
    desk.do(lambda at: at.emulate_media(reduced_motion="reduce"))
    desk.press_key("Control+.")
    desk.evaluate(
        """() => {
          window.drawn = new Set();
          const fill = document.querySelector('#stop-hold .hold-fill');
          new MutationObserver(() => drawn.add(fill.style.transform))
            .observe(fill, {attributes: true, attributeFilter: ['style']});
        }"""
    )
    hold_by_mouse(desk, HOLD)
    effective(desk)
    assert 3 <= desk.evaluate("drawn.size") <= 9
    lines = """() => {
      const cell = document.querySelector('[data-f="pnl"] .v');
      cell.dataset.changed = '';
      return getComputedStyle(cell).textDecorationLine;
    }"""
    assert desk.evaluate(lines) == "none", "a change is not underlined either"


def test_without_script_a_plain_form_does_it(
    visit_as: As, ada: User, gateways: dict[str, FakeGateway]
) -> None:
    visit = visit_as(ada)
    desk = visit("/", script=False)
    desk.do(lambda at: at.locator("#stop-open").click())
    desk.wait_for_address("**/stop", 5)
    desk.do(lambda at: at.locator("label[for=scope-venue]").click())
    desk.do(lambda at: at.get_by_label("Which venue account").select_option("paper-2"))
    desk.do(lambda at: at.locator("label[for=what-reduce-only]").click())
    desk.do(lambda at: at.get_by_label("Reason").fill("<b>odd</b> fills"))
    desk.press_button("Stop as chosen above")
    desk.wait_for_address("**/holds/**", 8)
    hold = only_hold()
    assert (hold.scope, hold.kind, hold.reason) == (
        "venue:paper-2", "reduce-only", "<b>odd</b> fills",
    )  # fmt: skip
    assert "“<b>odd</b> fills”" in desk.text("#receipt")
    assert "Effective" in desk.text("#receipt .marks")
    assert desk.complaints == []


def test_a_row_is_paused_where_it_stands(
    visit_as: As, mercy: User, gateways: dict[str, FakeGateway]
) -> None:
    desk = visit_as(mercy)("/")
    desk.wait_for_state("live")
    button = 'tr[data-key="mom-eurusd"] [data-act="pause"] button'
    hold_by_mouse(desk, button, 0.3)
    assert desk.text("#toast p") == "mom-eurusd: Not sent: released early."
    assert not Hold.objects.exists()
    hold_by_mouse(desk, button)
    desk.wait("document.getElementById('toast').textContent.includes('Effective')")
    hold = only_hold()
    assert (hold.scope, hold.kind) == ("strategy:mom-eurusd", "pause")
    assert desk.attribute("#toast a", "href") == f"/holds/{hold.id}"
    assert desk.complaints == []


def test_j_and_then_p_held_pauses_the_row(
    visit_as: As, mercy: User, gateways: dict[str, FakeGateway]
) -> None:
    desk = visit_as(mercy)("/")
    desk.wait_for_state("live")
    desk.press_key("j")
    hold_key(desk, "p", 0.3)
    assert not Hold.objects.exists()
    hold_key(desk, "p")
    assert only_hold().scope == "strategy:mom-eurusd"


def test_a_silent_page_still_stops(
    visit_as: As, ada: User, publisher: Publisher, gateways: dict[str, FakeGateway]
) -> None:
    desk = visit_as(ada)("/")
    desk.wait_for_state("live")
    publisher.silent = True
    desk.wait_for_state("dead", 20)
    assert desk.visible("#banner [data-banner=ways]")
    desk.press_key("Control+.")
    hold_by_mouse(desk, HOLD)
    effective(desk)
    assert only_hold().kind == "kill"


def test_a_server_that_is_away_is_asked_until_it_answers_and_stops_once(
    visit_as: As, ada: User, web: Web, gateways: dict[str, FakeGateway]
) -> None:
    desk = visit_as(ada)("/")
    desk.wait_for_state("live")
    desk.press_key("Control+.")
    with web.away():
        hold_by_mouse(desk, HOLD)
        desk.wait(f"document.querySelector('{SAY}').textContent.startsWith('No answer yet')")
    desk.wait(f"{SHOWN}?.dataset.effective === 'yes'", 40)
    assert only_hold().scope == "firm"


def test_a_gateway_that_does_not_answer_is_named_and_nothing_is_ticked_for_it(
    visit_as: As, ada: User, gateways: dict[str, FakeGateway]
) -> None:
    gateways["paper-2"].refuses = "its journal is full"
    desk = visit_as(ada)("/")
    desk.press_key("Control+.")
    hold_by_mouse(desk, HOLD)
    desk.wait(f"{SHOWN} !== null")
    assert desk.count("#stop-receipt .grid-facts div[title=acknowledged]") == 1
    assert "paper-2" in desk.text("#stop-receipt .marks"), "unproven, or proven another way"


def test_a_trader_stops_no_firm_and_is_told_who_does(
    visit_as: As, mercy: User, gateways: dict[str, FakeGateway]
) -> None:
    desk = visit_as(mercy)("/")
    desk.press_key("Control+.")
    desk.press_key("3")
    desk.wait("document.getElementById('stop-preview').textContent.includes('it would be refused')")
    hold_by_mouse(desk, HOLD)
    desk.wait(f"document.querySelector('{SAY}').textContent.startsWith('Not sent.')")
    assert "placed by" in desk.text("#stop-receipt")
    assert not Hold.objects.exists()


def test_a_reason_is_text_and_never_markup(
    visit_as: As, ada: User, gateways: dict[str, FakeGateway]
) -> None:
    desk = visit_as(ada)("/")
    desk.press_key("Control+.")
    desk.do(lambda at: at.locator("#stop-reason").fill("<img src=x onerror=alert(1)>"))
    desk.press_key("Enter")
    desk.pause(0.3)
    assert not Hold.objects.exists(), "Enter in a field is no stop"
    hold_by_mouse(desk, HOLD)
    effective(desk)
    assert desk.count("#stop-receipt img") == 0
    assert "“<img src=x onerror=alert(1)>”" in desk.text("#stop-receipt")
    assert desk.complaints == []


def test_states_holds_and_the_halt_line_follow_the_frame(
    visit_as: As, tomas: User, mercy: User, publisher: Publisher
) -> None:
    publisher.lines = [
        strategy_line(state="HALTED", mode="HALTED", own=True, holds=[hold_line()]),
        strategy_line("mr-btcusdt", owner="tomas.brandt", state="REDUCE-ONLY", mode="REDUCE-ONLY",
                      own=True, holds=[hold_line("reduce-only", scope="strategy:mr-btcusdt")],
                      stage={"rung": "ramp", "factor": "0.25", "since": "2026-11-20T09:00:00Z"}),
    ]  # fmt: skip
    desk = visit_as(tomas)("/")
    desk.wait_for_state("live")
    desk.wait("document.querySelector('[data-key=mom-eurusd] .state').dataset.state === 'HALTED'")
    assert desk.count("tr[data-key=mom-eurusd] .state[data-own]") == 1
    held = desk.text("tr[data-key=mom-eurusd] .c-hold")
    assert held == "quotes crossing\nkill · M. Okafor · 15:22"
    assert desk.text("tr[data-key=mr-btcusdt] .c-stage") == "Ramp 25 %"
    assert not desk.visible('tr[data-key="mom-eurusd"] [data-act="lift"]'), "not his strategy"
    assert desk.visible('tr[data-key="mom-eurusd"] [data-act="who"]')
    assert not desk.visible('tr[data-key="mom-eurusd"] [data-act="kill"]')
    assert desk.attribute('tr[data-key="mr-btcusdt"] [data-act="who"]', "title") == "Lifted by risk"
    heights = desk.evaluate(
        "[...document.querySelectorAll('#haltline i')].map(i => i.offsetHeight)"
    )
    assert heights == [10, 6]
    assert desk.attribute("#haltline", "aria-label") == "2 strategies: 1 reduce-only, 1 halted"
    assert desk.violations() == []
    assert desk.complaints == []


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("state", ["HALTED", "FROZEN", "REDUCE-ONLY"])
def test_a_held_firm_breaks_no_rule(
    visit_as: As, ada: User, publisher: Publisher, state: str, theme: str
) -> None:
    publisher.lines = [strategy_line(state=state, mode=state, holds=[hold_line(mode=state)])]
    publisher.desk = {
        "firm": {"state": state, "why": "", "mode": state, "holds": 1, "on": 0,
                 "hold": hold_line(scope="firm", mode=state)},
    }  # fmt: skip
    desk = visit_as(ada)("/", theme=theme)
    desk.wait(f"document.getElementById('band').dataset.state === '{state}'")
    assert desk.title == f"PAPER · {state} · Desk · Haltline"
    assert desk.text("[data-band=sub]") == "Effective 15:22:10 · kill · 1 hold"
    assert desk.violations() == []


def test_the_dead_man_warns_and_a_person_confirms(
    visit_as: As, ada: User, publisher: Publisher
) -> None:
    desk = visit_as(ada)("/")
    desk.wait_for_state("live")
    assert not desk.visible("#dead-man")
    publisher.desk = {"dead_man": dead_man(24 * 60)}
    desk.wait("!document.getElementById('dead-man').hidden")
    assert desk.text("#dead-man strong").startswith("Dead man’s switch: 0:2")
    desk.press_button("Confirm: I am watching")
    desk.wait("document.querySelector('.said')?.textContent.includes('somebody watches')")
    assert DeadMan.objects.get().confirmed_by == "ada.nwosu"


def test_the_page_knows_who_may_as_the_server_does(visit_as: As, tomas: User) -> None:
    desk = visit_as(tomas)("/")
    desk.wait_for_state("live")
    told = desk.evaluate(
        """async () => {
          const { liftWay, mayPlace } = await import('/static/js/viewer.js');
          const hold = (kind, scope, by) => ({kind, scope, by, by_person: true});
          return [
            liftWay(hold('pause', 'strategy:mr-btcusdt', 'tomas.brandt')).word,
            liftWay(hold('pause', 'strategy:mom-eurusd', 'mercy.okafor')).word,
            liftWay(hold('kill', 'strategy:mr-btcusdt', 'ada.nwosu')),
            liftWay(hold('kill', 'strategy:mom-eurusd', 'ada.nwosu')).word,
            mayPlace('kill', 'strategy:mr-btcusdt'), mayPlace('kill', 'firm'),
          ];
        }"""
    )
    assert told == [
        "Resume…", "",
        {"short": "Ask…", "word": "Ask to resume…", "who": "two people: a trader, risk or SRE"},
        "", True, False,
    ]  # fmt: skip
