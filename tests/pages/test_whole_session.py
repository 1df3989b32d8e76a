"""A whole session at the desk, by keyboard alone and by mouse alone: trader, risk manager, SRE.

Look, filter, open a strategy, pause, resume, kill from Stop, read the receipt, decide a request,
read the pipeline and the record, stop the firm. By mouse alone, text comes as from a keyboard on
the screen: without a key. The desk with a halted strategy is kept as each of three eyes sees it.
"""

from collections.abc import Callable
from typing import Protocol

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page

from riskctl.approvals import approval_request
from riskctl.models import Approval, Hold, HoldLift, Limit
from tests.approvals.people import person
from tests.pages.frames import Publisher, hold_line, strategy_line
from tests.pages.test_stop_browser import SHOWN, hold_by_mouse, hold_key
from tests.pages.web import PICTURES, Visit, Visitor
from tests.support.colour import SIMULATED
from tests.support.gateways import FakeGateway

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

As = Callable[[User], Visit]
KEY = "mom-eurusd"
LONG_S = 20
MOST_TABS = 120
COLOURED = """() => {
  const colour = name => getComputedStyle(document.querySelector('.' + name)).color;
  const tones = ['rise', 'fall'].filter(name => document.querySelector('.' + name)).map(colour);
  const own = node => [...node.childNodes].some(one => one.nodeType === 3 && one.data.trim());
  return [...document.querySelectorAll('main *')]
    .filter(node => own(node) && node.checkVisibility() && tones.includes(getComputedStyle(node).color))
    .map(node => node.textContent.trim());
}"""  # noqa: E501


class Hand(Protocol):
    """Somebody's way with a page."""

    def press(self, page: Visitor, selector: str) -> None: ...
    def write(self, page: Visitor, selector: str, text: str) -> None: ...
    def hold(self, page: Visitor, selector: str) -> None: ...
    def turn_to(self, page: Visitor, letter: str) -> None: ...
    def stop(self, page: Visitor, scope: str) -> None: ...


class Keys:
    """Keys alone."""

    def reach(self, page: Visitor, selector: str) -> None:
        def tab(at: Page) -> bool:
            here = "selector => document.activeElement.matches(selector)"
            for _ in range(MOST_TABS):
                if at.evaluate(here, selector):
                    return True
                at.keyboard.press("Tab")
            return False

        assert page.do(tab), f"{selector} is not reached by Tab"

    def press(self, page: Visitor, selector: str) -> None:
        self.reach(page, selector)
        page.press_key("Enter")

    def write(self, page: Visitor, selector: str, text: str) -> None:
        self.reach(page, selector)
        page.do(lambda at: at.keyboard.type(text))

    def hold(self, page: Visitor, selector: str) -> None:
        self.reach(page, selector)
        hold_key(page, "Enter")

    def turn_to(self, page: Visitor, letter: str) -> None:
        page.press_key("g")
        page.press_key(letter)

    def stop(self, page: Visitor, scope: str) -> None:
        page.press_key("Control+.")
        page.press_key({"strategy": "1", "firm": "3"}[scope])
        page.press_key("k")


class Mouse:
    """The mouse alone."""

    def press(self, page: Visitor, selector: str) -> None:
        page.do(lambda at: at.locator(selector).first.click())

    def write(self, page: Visitor, selector: str, text: str) -> None:
        self.press(page, selector)
        page.do(lambda at: at.keyboard.insert_text(text))

    def hold(self, page: Visitor, selector: str) -> None:
        hold_by_mouse(page, selector)

    def turn_to(self, page: Visitor, letter: str) -> None:
        self.press(page, f".nav [data-go={letter}]")

    def stop(self, page: Visitor, scope: str) -> None:
        for selector in ("#stop-open", f"label[for=scope-{scope}]", "label[for=what-kill]"):
            self.press(page, selector)


@pytest.fixture
def asked(mercy: User, books: object) -> Approval:
    """A request of the trader's that risk decides."""
    scope = f"strategy:{KEY}"
    Limit.objects.create(scope=scope, kind="gross-notional", value=1000)
    return approval_request(
        kind="limit-raise", subject=f"limit:{scope}/gross-notional", request={"value": "2500"},
        actor=person("mercy.okafor", "trader", owns=(KEY,)), reason="room for the open",
    )  # fmt: skip


def halted(publisher: Publisher, hold: Hold) -> None:
    """Frames from now on say what the portfolio would."""
    line = hold_line(hold.kind, id=str(hold.id), reason=hold.reason)
    publisher.lines = [
        strategy_line(state="HALTED", mode="HALTED", own=True, holds=[line]),
        strategy_line("mr-btcusdt", owner="tomas.brandt", pnl="-31877.06"),
    ]


def effective(page: Visitor) -> None:
    page.wait(f"{SHOWN}?.dataset.effective === 'yes'", LONG_S)


def says(page: Visitor, selector: str, words: str) -> None:
    page.wait(f"document.querySelector('{selector}')?.textContent.includes('{words}')", LONG_S)


def as_trader(page: Visitor, hand: Hand, publisher: Publisher) -> None:
    """Filter, open, pause, resume, kill, read the receipt."""
    page.wait_for_state("live", LONG_S)
    hand.write(page, "#filter input[type=search]", "eurusd")
    page.wait("document.querySelectorAll('#strategies tbody tr').length === 1", LONG_S)
    hand.press(page, f"tr[data-key={KEY}] a[data-f=key]")
    page.wait_for_address(f"**/strategies/{KEY}", LONG_S)
    page.wait_for_state("live", LONG_S)
    hand.hold(page, "#strategy [data-act=pause] button")
    says(page, "#toast", "Effective")
    halted(publisher, Hold.objects.get(kind="pause"))
    says(page, "#strategy", "Resume")
    page.wait_for_state("live", LONG_S)
    hand.press(page, "#strategy [data-act=lift]")
    page.wait_for_address("**/holds/**", LONG_S)
    hand.write(page, "main [name=reason]", "seen and mended")
    hand.press(page, ".lift-form button")
    says(page, ".said", "Lifted")
    assert HoldLift.objects.get().reason == "seen and mended"
    publisher.lines = []
    page.wait_for_state("live", LONG_S)
    hand.stop(page, "strategy")
    hand.hold(page, "#stop-hold")
    effective(page)
    hand.press(page, "#stop-open-receipt")
    kill = Hold.objects.get(kind="kill")
    page.wait_for_address(f"**/holds/{kill.id}", LONG_S)
    assert "2 of 2" in page.text("#receipt .marks") or "1 of 1" in page.text("#receipt .marks")
    assert "Ask to lift" in page.text("main")
    halted(publisher, kill)


def as_risk(page: Visitor, hand: Hand, asked: Approval, theme: str) -> None:
    """See the halted strategy with each eye, decide the trader's request."""
    page.wait(f"document.querySelector('tr[data-key={KEY}] .state')?.dataset.state === 'HALTED'")
    signed = page.evaluate(COLOURED)
    assert signed
    assert [text for text in signed if text[0] not in "+−"] == [], "a sign beside the colour"
    for eye in SIMULATED:
        page.do(lambda at, eye=eye: emulate(at, eye))  # type: ignore[misc]
        page.picture(PICTURES / f"eyes-{eye}-{theme}.jpeg")
    hand.turn_to(page, "a")
    page.wait_for_address("**/approvals", LONG_S)
    page.wait_for_state("live", LONG_S)
    hand.press(page, f"a[href='/approvals/{asked.id}']")
    page.wait_for_address(f"**/approvals/{asked.id}", LONG_S)
    hand.write(page, "#reason", "agreed")
    hand.press(page, ".decide .button-ink")
    says(page, ".said", "Executed")
    assert Limit.objects.get().value == 2500


def emulate(at: Page, eye: str) -> None:
    link = at.context.new_cdp_session(at)
    link.send("Emulation.setEmulatedVisionDeficiency", {"type": eye})


def as_sre(page: Visitor, hand: Hand) -> None:
    """Read the path and the record, then stop the firm."""
    page.wait_for_state("live", LONG_S)
    hand.turn_to(page, "p")
    page.wait_for_address("**/pipeline", LONG_S)
    page.wait_for_state("live", LONG_S)
    assert page.text("#path .stage h2") == "Feeds"
    hand.turn_to(page, "u")
    page.wait_for_address("**/audit", LONG_S)
    page.wait_for_state("live", LONG_S)
    hand.press(page, ".entry a")
    page.wait("document.querySelector('.audit-open .audit-entry h2') !== null", LONG_S)
    page.wait_for_state("live", LONG_S)
    hand.stop(page, "firm")
    hand.hold(page, "#stop-hold")
    effective(page)
    assert Hold.objects.filter(scope="firm", placed_by="jonas.lindqvist").exists()


@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    ("hand", "theme"), [(Keys(), "dark"), (Mouse(), "light")], ids=["keyboard", "mouse"]
)
def test_a_whole_session_by_one_hand(
    visit_as: As, staff: dict[str, User], asked: Approval, publisher: Publisher, *,
    gateways: dict[str, FakeGateway], hand: Hand, theme: str,
) -> None:  # fmt: skip
    trader = visit_as(staff["trader"])("/", theme=theme)
    as_trader(trader, hand, publisher)
    risk = visit_as(staff["risk"])("/", theme=theme)
    as_risk(risk, hand, asked, theme)
    sre = visit_as(staff["sre"])("/", theme=theme)
    as_sre(sre, hand)
    assert [trader.complaints, risk.complaints, sre.complaints] == [[], [], []]
