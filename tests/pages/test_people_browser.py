"""People, one person, and a strategy's size in a browser, in both themes and on a phone."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User

from tests.console.access.world import limits
from tests.pages.conftest import _person
from tests.pages.web import Visit
from trading.models import Strategy

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def priya(db: None, mercy: User, tomas: User) -> User:
    return _person("priya.raman", "Priya", "Raman", "administrator")


def test_a_size_is_set_by_hand(
    visit_as: Callable[[User], Visit], mercy: User, books: list[Strategy]
) -> None:
    limits("mom-eurusd", order="2400", position="1500", gross="3000")
    page = visit_as(mercy)("/strategies/mom-eurusd")
    page.wait_for_state("live")
    assert page.violations() == []
    page.do(lambda one: one.fill("#size-to", "800"))
    page.do(lambda one: one.click("#size button"))
    page.wait("document.querySelector('.said')?.textContent.includes('800.00 USD per symbol')")
    assert Strategy.objects.get(key="mom-eurusd").size_notional == 800


def test_a_frame_shows_a_trader_of_no_desk_nothing_and_the_firms_state(
    visit_as: Callable[[User], Visit], priya: User, books: list[Strategy]
) -> None:
    page = visit_as(priya)("/")
    page.wait_for_state("live")
    assert page.text("#band [data-band='word']") == "ACTIVE"
    assert page.count("#haltline i") == 0
    assert "mom-eurusd" not in page.text("body")
    assert page.complaints == []
