"""The demo desk in the database: complete, and the same after a second run."""

import base64
import json
import stat
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from pytest_django import Settings

from console.access import capability
from console.api.authentication import token_digest
from console.demo import RECORDED, STRATEGIES
from console.models import ApiToken, Authenticator
from riskctl.models import Lease, Limit
from trading.feeds.market import PROFILES
from trading.models import Strategy, VenueAccount
from trading.strategies.parameters import read_parameters
from trading.universe import UNIVERSE
from trading.venues.credentials import read_credentials

pytestmark = pytest.mark.django_db


@pytest.fixture
def home(settings: Settings, tmp_path: Path) -> Path:
    settings.HALTLINE_HOME = tmp_path
    settings.VENUE_CREDENTIALS_FILE = tmp_path / "venue-credentials.json"
    settings.PAPER_VENUE_ACCOUNTS_FILE = tmp_path / "papervenue" / "accounts.json"
    settings.PRODUCTION = False
    settings.PORT = 8123
    settings.SHARDS = 2
    settings.FEED = "simulated"
    settings.REPLAY_SPEED = "1"
    settings.PAPER_VENUE_ADDRESS = "127.0.0.1:8099"
    return tmp_path


def _demo(home: Path) -> dict[str, Any]:
    return dict(json.loads((home / "demo.json").read_text()))


def test_demo_json_says_who_may_sign_in(home: Path) -> None:
    call_command("desk_prepare")
    assert stat.S_IMODE((home / "demo.json").stat().st_mode) == 0o600
    demo = _demo(home)
    assert demo["url"] == "http://localhost:8123"
    roles = sorted(role for one in demo["users"] for role in one["roles"])
    assert roles == [
        "administrator", "administrator", "compliance", "risk", "risk", "sre", "trader", "trader",
    ]  # fmt: skip
    for one in demo["users"]:
        user = User.objects.get(username=one["username"])
        assert user.check_password(one["password"])
        assert [group.name for group in user.groups.all()] == one["roles"]
        assert not user.is_superuser
        device = Authenticator.objects.get(user=user)
        assert device.confirmed
        assert device.bin_key == base64.b32decode(one["totp_secret"])


def test_tokens_are_kept_as_hashes_with_their_scopes(home: Path) -> None:
    call_command("desk_prepare")
    tokens = _demo(home)["tokens"]
    scopes = {
        name: set(ApiToken.objects.get(digest=token_digest(text)).scopes)
        for name, text in tokens.items()
    }
    assert scopes == {"read": {"read"}} | {
        name: {"read", name} for name in ("stop", "flatten", "trade-test", "export")
    }


def test_tokens_that_stop_carry_leave_to_without_the_database(home: Path) -> None:
    call_command("desk_prepare")
    for name, text in _demo(home)["tokens"].items():
        carried = capability.of_token(text)
        assert (carried is not None) == (name in ("stop", "flatten"))
        if carried is not None:
            token = ApiToken.objects.get(digest=token_digest(text))
            assert (carried.name, set(carried.scopes)) == (str(token), set(token.scopes))


def test_a_token_that_demo_json_does_not_name_yet_is_made_and_nothing_else(home: Path) -> None:
    call_command("desk_prepare")
    before = _demo(home)
    older = {**before, "tokens": {name: before["tokens"][name] for name in ("read", "stop")}}
    (home / "demo.json").write_text(json.dumps(older))
    call_command("desk_prepare")
    after = _demo(home)
    assert after["users"] == before["users"]
    assert set(after["tokens"]) == set(before["tokens"])
    assert {name: after["tokens"][name] for name in ("read", "stop")} == older["tokens"]


def test_a_second_run_changes_nothing(home: Path) -> None:
    call_command("desk_prepare")
    before = (home / "demo.json").read_text(), (home / "venue-credentials.json").read_text()
    passwords = list(User.objects.order_by("username").values_list("username", "password"))
    strategy = Strategy.objects.get(key="mom-eurusd")
    strategy.size_notional = 1
    strategy.save()
    Limit.objects.filter(scope="firm", kind="price-collar").update(value=7)
    call_command("desk_prepare")
    after = (home / "demo.json").read_text(), (home / "venue-credentials.json").read_text()
    assert after == before
    assert list(User.objects.order_by("username").values_list("username", "password")) == passwords
    strategy.refresh_from_db()
    assert strategy.size_notional == 1
    assert Limit.objects.get(scope="firm", kind="price-collar").value == 7
    assert ApiToken.objects.count() == 5


def test_a_lost_demo_json_makes_new_secrets_and_says_so(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("desk_prepare")
    old = _demo(home)
    (home / "demo.json").unlink()
    call_command("desk_prepare")
    new = _demo(home)
    assert "demo.json" in capsys.readouterr().out
    person = new["users"][0]
    assert person["password"] != old["users"][0]["password"]
    assert User.objects.get(username=person["username"]).check_password(person["password"])
    assert Authenticator.objects.filter(user__username=person["username"]).count() == 1
    retired = ApiToken.objects.get(digest=token_digest(old["tokens"]["read"]))
    assert retired.revoked_at is not None


def test_another_database_gets_the_people_of_demo_json(home: Path) -> None:
    call_command("desk_prepare")
    demo = _demo(home)
    ApiToken.objects.all().delete()
    User.objects.all().delete()
    call_command("desk_prepare")
    assert _demo(home) == demo
    person = demo["users"][0]
    assert User.objects.get(username=person["username"]).check_password(person["password"])


def test_accounts_strategies_limits_and_leases_fit_together(home: Path) -> None:
    call_command("desk_prepare")
    names = set(VenueAccount.objects.values_list("name", flat=True))
    assert names == {"paper-1", "paper-2", "rehearsal"}
    climbs = dict(VenueAccount.objects.values_list("name", "rehearsal"))
    assert climbs == {"paper-1": "rehearsal", "paper-2": "rehearsal", "rehearsal": None}
    strategies = list(Strategy.objects.all())
    assert len(strategies) == 13
    assert {one.shard for one in strategies} == {0, 1}
    kinds = {(symbol, one.kind) for one in strategies for symbol in one.symbols}
    for symbol in ("EURUSD", "BTCUSDT"):
        assert {kind for name, kind in kinds if name == symbol} >= {"momentum", "mean-reversion"}
    assert {kind for _, kind in kinds} == {"momentum", "mean-reversion", "arbitrage"}
    traded = {symbol for symbol, _kind in kinds}
    assert {"XAUUSD", "SPY", "GCG7", "BTCUSDT-PERP"} <= traded
    assert all(symbol in UNIVERSE for symbol in traded)
    for one in strategies:
        limits = dict(
            Limit.objects.filter(scope=f"strategy:{one.key}").values_list("kind", "value")
        )
        assert limits["order-notional"] >= one.size_notional * 2
        assert limits["position-notional"] > one.size_notional
        for symbol in one.symbols:  # a size below one lot would never trade
            instrument = UNIVERSE.by_symbol(symbol)
            lot = instrument.reference_price * instrument.multiplier * instrument.lot_size
            assert one.size_notional >= lot
    assert set(Lease.objects.values_list("name", "role")) == {
        ("feed:main", "feed"), ("portfolio:main", "portfolio"), ("watchdog:main", "watchdog"),
        ("shard:0", "shard"), ("shard:1", "shard"), ("sequencer:main", "sequencer"),
        ("gateway:paper-1", "gateway"), ("gateway:paper-2", "gateway"),
        ("gateway:rehearsal", "gateway"), ("recorder:main", "recorder"),
    }  # fmt: skip


def test_a_recording_of_an_expired_contract_is_traded(home: Path, settings: Settings) -> None:
    file = home / "gold.csv"
    header = "ts,symbol,bid,ask,bid_size,ask_size"
    file.write_text(f"{header}\n2013-10-11T00:01:00.000000Z,GCZ3,1286.6,1286.9,1,2\n")
    settings.FEED = f"replay:{file}"
    call_command("desk_prepare")
    assert Strategy.objects.get(key="mom-gcz3").symbols == ["GCZ3"]
    assert Limit.objects.filter(scope="strategy:mom-gcz3").count() == 6


def test_every_demo_strategy_has_prices_from_the_simulator() -> None:
    quoted = {one.instrument.symbol for one in PROFILES}
    assert {symbol for one in STRATEGIES for symbol in one.symbols} <= quoted


def test_parameters_are_within_their_bounds() -> None:
    for one in (*STRATEGIES, *RECORDED.values()):
        read_parameters(one.kind, one.parameters)


def test_the_address_follows_and_surplus_shards_go(home: Path, settings: Settings) -> None:
    call_command("desk_prepare")
    settings.PAPER_VENUE_ADDRESS = "127.0.0.1:9999"
    settings.SHARDS = 1
    call_command("desk_prepare")
    assert set(VenueAccount.objects.values_list("address", flat=True)) == {"127.0.0.1:9999"}
    assert not Lease.objects.filter(name="shard:1").exists()
    assert not Strategy.objects.exclude(shard=0).exists()


def test_credentials_are_complete_private_and_sealed(home: Path) -> None:
    """Those of a home of before, in the clear, are taken over."""
    path, exchange = home / "venue-credentials.json", home / "papervenue" / "accounts.json"
    path.write_text('{"paper-1": {"key": "k", "secret": "of-before"}}')
    call_command("desk_prepare")
    known = json.loads(exchange.read_text())
    assert set(known) == {"paper-1", "paper-2", "rehearsal", "admin"}
    assert known["paper-1"] == {"key": "k", "secret": "of-before"}
    assert set(json.loads(path.read_text())) == {"paper-1", "paper-2", "rehearsal"}
    for name in ("paper-1", "paper-2", "rehearsal"):
        assert known[name]["secret"] not in path.read_text()
        assert read_credentials(path, name) == known[name]
    for file in (path, exchange):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_home_that_lost_its_keys_is_set_up_anew(home: Path, settings: Settings) -> None:
    """What was sealed under them opens no more; ``demo.json`` and the venue know it still."""
    call_command("desk_prepare")
    before = _demo(home), (home / "papervenue" / "accounts.json").read_text()
    settings.KEYS_FOLDER = home / "other-keys"
    call_command("desk_prepare")
    assert (_demo(home), (home / "papervenue" / "accounts.json").read_text()) == before
    for one in before[0]["users"]:
        device = Authenticator.objects.get(user__username=one["username"])
        assert device.bin_key == base64.b32decode(one["totp_secret"])
    assert read_credentials(home / "venue-credentials.json", "paper-1")["key"]


def test_a_production_desk_gets_no_people(home: Path, settings: Settings) -> None:
    settings.PRODUCTION = True
    call_command("desk_prepare")
    assert not User.objects.exists()
    assert not Strategy.objects.exists()
    assert not (home / "demo.json").exists()
    assert Group.objects.count() == 5
