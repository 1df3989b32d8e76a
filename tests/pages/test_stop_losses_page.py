"""The stop-losses' page: a preview with its prices first, then the button that sets them."""

import re
import time
import uuid
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings
from redis import Redis

from audit.models import Entry
from riskctl.control import StopLine
from riskctl.desk import brakes_desk
from tests.pages.test_risk_page import reader, text_of
from tests.support.desks import on_no_desk
from tests.support.gateways import FakeGateway, fake_gateways
from trading.clock import utc_now
from trading.models import StopLoss, Strategy

pytestmark = pytest.mark.django_db(transaction=True)

PATH = "/risk/stop-losses"
WOULD = StopLine(
    "mom-eurusd", "EURUSD", "10000", "1.10005", "would-rest", side="sell", percentage="2",
    mark="1.1", stop_price="1.07800", covered="10000", loss="220.00",
)  # fmt: skip


@pytest.fixture
def gateways(
    books: list[Strategy], redis: Redis, tmp_path: Path, settings: Settings
) -> Iterator[dict[str, FakeGateway]]:
    """Both accounts', faked behind their control sockets."""
    settings.BRAKES_HOME = tmp_path / "brakes"
    settings.SIGNING_KEY_FILE = tmp_path / "signing.pem"
    brakes_desk.cache_clear()
    with fake_gateways(brakes_desk().home, "paper-1", "paper-2") as running:
        yield running
    brakes_desk().close()
    brakes_desk.cache_clear()


def recorded(count: int) -> None:
    """Written behind the answer: nothing may be once the test is over."""
    until = time.monotonic() + 20
    while Entry.objects.filter(action="stop-losses.set").count() < count:
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_preview_shows_each_price_and_its_button_sets_them(
    gateways: dict[str, FakeGateway], ada: User, settings: Settings
) -> None:
    gateways["paper-1"].stops = [WOULD]
    client = reader(ada, settings)
    html = client.get(f"{PATH}?scope=firm&percent=2").content.decode()
    text = text_of(html)
    assert "10,000 1.10005 1.1 1.078 2 % 10,000 220 would rest at the venue" in text
    assert [one.dry_run for one in gateways["paper-1"].stops_asked] == [True]
    nonce = re.search(r'name="nonce" value="([^"]+)"', html)
    assert nonce is not None
    form = {"scope": "firm", "percent": "2", "reason": "fed", "nonce": nonce[1]}
    for _ in range(2):
        said = client.post(f"{PATH}/set", form)
        assert said.status_code == 200
        assert "Set in part" in text_of(said.content.decode()), "as the gateway says: none rests"
    recorded(2)
    asked = gateways["paper-1"].stops_asked[1:]
    assert {(one.id, one.reason, one.dry_run) for one in asked} == {(nonce[1], "fed", False)}


def test_what_is_wrong_is_said_beside_the_form(
    gateways: dict[str, FakeGateway], ada: User, mercy: User, settings: Settings
) -> None:
    said = reader(ada, settings).get(f"{PATH}?scope=firm&percent=200")
    assert (said.status_code, "percent: it must be a percentage from 0.01 to 50" in
            text_of(said.content.decode())) == (400, True)  # fmt: skip
    said = reader(mercy, settings).post(f"{PATH}/set", {"scope": "firm", "percent": "2"})
    assert (said.status_code, "by a trader on a strategy of their own" in
            text_of(said.content.decode())) == (403, True)  # fmt: skip
    assert not gateways["paper-1"].stops_asked


def test_those_that_stand_are_listed_to_who_may_see_them(
    gateways: dict[str, FakeGateway], ada: User, mercy: User, settings: Settings
) -> None:
    for row in Strategy.objects.all():
        StopLoss.objects.create(
            account=row.account, strategy=row, symbol=row.symbols[0], request=uuid.uuid4(),
            side="sell", percentage=2, mark=Decimal("1.1"), stop_price=Decimal("1.078"),
            quantity=10_000, state="resting", orders=1, placed_by="ada.nwosu", set_at=utc_now(),
            version=1,
        )  # fmt: skip
    everything = text_of(reader(ada, settings).get(PATH).content.decode())
    assert "mom-eurusd" in everything
    assert "mr-btcusdt" in everything
    on_no_desk(mercy.username)
    own = reader(mercy, settings).get(PATH).content.decode()
    assert "1.078 2 % 1.1 10,000 rests at the venue ada.nwosu" in text_of(own)
    assert "mr-btcusdt" not in own
