"""The demo desk's desks: both traders see all of it, and touch what is their own."""

from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from pytest_django import Settings

from console.access.desks import membership_set
from console.access.rights import rights_read
from console.access.visible import sight_read
from console.demo import STRATEGIES
from console.models import Desk

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def home(settings: Settings, tmp_path: Path) -> None:
    settings.HALTLINE_HOME = tmp_path
    settings.VENUE_CREDENTIALS_FILE = tmp_path / "venue-credentials.json"
    settings.PRODUCTION = False
    settings.SHARDS = 2
    settings.FEED = "simulated"
    settings.REPLAY_SPEED = "1"
    settings.PAPER_VENUE_ADDRESS = "127.0.0.1:8099"
    call_command("desk_prepare")


def test_both_traders_see_every_strategy_and_may_only_touch_their_own() -> None:
    every = {one.key for one in STRATEGIES}
    assert {one.title for one in Desk.objects.all()} == {"FX and metals", "Equities and crypto"}
    for name in ("mercy.okafor", "tomas.brandt"):
        own = {one.key for one in STRATEGIES if one.owner == name}
        rights = rights_read(name)
        assert rights.to("view") == every
        assert rights.to("pause") == rights.to("resume") == rights.to("resize") == own
        assert sight_read(name).everything


def test_another_start_puts_nobody_back_on_a_desk() -> None:
    mercy = User.objects.get(username="mercy.okafor")
    membership_set(mercy, Desk.objects.get(key="fx-metals"), member=False)
    call_command("desk_prepare")
    own = {one.key for one in STRATEGIES if one.owner == "mercy.okafor"}
    crypto = {one.key for one in STRATEGIES if one.account == "paper-2"}
    assert rights_read("mercy.okafor").to("view") == own | crypto
    call_command("roles_reconcile", "--check")
