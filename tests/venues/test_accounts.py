"""An account at an exchange is made known in one go: row, lease, record, sealed keys."""

import io
import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from audit.models import Entry
from riskctl.models import Lease
from trading.models import VenueAccount
from trading.venues.credentials import credentials_keys, read_credentials

GIVEN = {
    "exchange": "krakenfutures", "venue": "Kraken Futures", "address": "futures.kraken.com:443",
    "symbols": "BTCUSDT-PERP=PF_XBTUSD",
}  # fmt: skip


@pytest.mark.django_db
def test_an_account_is_made_known_and_known_anew(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "venue-credentials.json"
    settings.VENUE_CREDENTIALS_FILE = file
    VenueAccount.objects.create(name="rehearsal", venue="P", adapter="x", address="h:1")

    def call(keys: str = "the-key\nthe-secret\n", **changes: object) -> str:
        monkeypatch.setattr("sys.stdin", io.StringIO(keys))
        out = io.StringIO()
        call_command("venue_account", "kraken-1", **{**GIVEN, **changes}, stdout=out)
        return out.getvalue()

    assert call(live=True, rehearsal="rehearsal") == (
        "kraken-1: Kraken Futures at futures.kraken.com:443, live\n"
    )
    account = VenueAccount.objects.get(name="kraken-1")
    assert account.adapter == "trading.venues.ccxt_venue.KrakenFuturesVenue"
    assert account.rehearsal_id == "rehearsal"
    assert Lease.objects.get(name="gateway:kraken-1").role == "gateway"
    assert "the-secret" not in file.read_text(), "sealed"
    assert credentials_keys(file)["kraken-1"]
    first = read_credentials(file, "kraken-1")
    assert (first["key"], first["secret"]) == ("the-key", "the-secret")
    assert account.margin
    call("new-key\nnew-secret\n", symbols="SPY=PF_SPYUSD", cash=True)
    assert not VenueAccount.objects.get(name="kraken-1").margin
    again = read_credentials(file, "kraken-1")
    assert (again["key"], again["symbols"]) == ("new-key", "SPY=PF_SPYUSD")
    assert again["since"] == first["since"], "what was traded since is still the desk's"
    assert not VenueAccount.objects.get(name="kraken-1").live
    entries = Entry.objects.filter(action="account.set", object_id="kraken-1")
    assert entries.count() == 2
    assert "the-secret" not in json.dumps([bytes(one.body).decode() for one in entries])
    for changes, said in (
        ({"symbols": "nothing"}, "symbols"), ({"address": "kraken.com"}, "host:port"),
        ({"rehearsal": "kraken-9"}, "no paper account"), ({"keys": "\n\n"}, "two lines"),
        ({"rehearsal": "kraken-1", "live": True}, "no paper account kraken-1"),
    ):  # fmt: skip
        with pytest.raises(CommandError, match=said):
            call(**changes)
    VenueAccount.objects.create(
        name="real-1", venue="R", adapter="x", address="h:1", live=True, rehearsal=account
    )
    with pytest.raises(CommandError, match="it is the rehearsal of real-1"):
        call(live=True)
    assert not VenueAccount.objects.get(name="kraken-1").live
    VenueAccount.objects.filter(name="kraken-1").update(adapter="trading.venues.paper.PaperVenue")
    with pytest.raises(CommandError, match="another adapter"):
        call()
