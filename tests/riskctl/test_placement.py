"""Placing with faked gateways: whom a stop must reach, and when its id has been used up."""

import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from audit.signing import signer_at
from riskctl.actors import shell_actor
from riskctl.brakes_home import BrakesHome
from riskctl.desk import BrakesDesk, database_dsn
from riskctl.holds import Kind
from riskctl.leases import leases_lay
from riskctl.models import GatewayRegister, Hold, HoldLift
from riskctl.placement import Placement
from riskctl.placing import Placing, hold_place
from riskctl.registered import Registered, accounts_keep, accounts_kept
from tests.support.gateways import FakeGateway, fake_gateways

NO_DATABASE = "host=127.0.0.1 port=1 connect_timeout=1"


@pytest.fixture
def home(tmp_path: Path) -> BrakesHome:
    made = BrakesHome(tmp_path / "brakes")
    made.create()
    return made


@pytest.fixture
def alpha(home: BrakesHome) -> Iterator[FakeGateway]:
    with fake_gateways(home, "alpha") as found:
        yield found["alpha"]


def desk_of(home: BrakesHome, dsn: str) -> BrakesDesk:
    return BrakesDesk(home, home.control_key(), signer_at(home.root / "signing.pem"), dsn)


@pytest.fixture
def desk(transactional_db: None, home: BrakesHome) -> Iterator[BrakesDesk]:
    made = desk_of(home, database_dsn())
    yield made
    made.close()


@pytest.fixture
def cut_off(home: BrakesHome) -> Iterator[BrakesDesk]:
    made = desk_of(home, NO_DATABASE)
    yield made
    made.close()


def pause(desk: BrakesDesk, hold_id: uuid.UUID | None = None, patience_s: float = 3.0) -> Placing:
    placing = hold_place(
        scope="firm", kind=Kind.PAUSE, actor=shell_actor("test"), hold_id=hold_id,
        patience_s=patience_s, desk=desk,
    )  # fmt: skip
    placing.placement.note_now()
    placing.placement.end()
    return placing


def test_an_id_that_was_lifted_stops_under_another(
    desk: BrakesDesk, alpha: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("riskctl.proving.KEEP_AFTER_NS", 10**12)  # the database says that it was
    leases_lay(names=["gateway:alpha"])
    first = uuid.uuid4()
    for _ in range(2):
        placing = pause(desk, first)
        assert (placing.effective, placing.hold.id) == (True, str(first))
    HoldLift.objects.create(hold_id=first, lifted_by="ada.nwosu", reason="over")
    again = pause(desk, first)
    assert again.effective
    assert again.hold.id != str(first)
    assert Hold.objects.get(lift=None).id == uuid.UUID(again.hold.id)
    assert again.hold.id in alpha.holds


def test_an_acknowledgement_is_void_once_a_newer_gateway_is_known(
    desk: BrakesDesk, home: BrakesHome, alpha: FakeGateway
) -> None:
    """The disk knows the older one, which answers; the database knows who has taken over."""
    leases_lay(names=["gateway:alpha"])
    with FakeGateway(home, "alpha", key=home.control_key(), token=2) as newer:
        GatewayRegister.objects.create(
            account="alpha", address=newer.address, place="elsewhere", pid=1, start_ticks=1,
            token=2, journal=uuid.uuid4(), registered_at="2026-11-26T12:00:00Z",
        )  # fmt: skip
        alpha.register()
        placing = pause(desk)
        assert placing.effective
        assert placing.hold.id in alpha.holds
        assert placing.hold.id in newer.holds
        [proof] = placing.placement.proofs.values()
        assert (proof.how, proof.facts["token"]) == ("acknowledged", 2)


def test_nobody_is_taken_for_proven_before_it_is_known_who_there_is(
    desk: BrakesDesk, home: BrakesHome, alpha: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk knows one account, the database two; the caller looks as soon as that is known."""
    leases_lay(names=["gateway:alpha", "gateway:beta"])
    right = Placement._know

    def slowly(self: Placement, entries: Sequence[Registered]) -> None:
        if len(entries) > 1:
            time.sleep(0.1)  # the thread that knows does not get its turn
        right(self, entries)

    monkeypatch.setattr(Placement, "_know", slowly)
    monkeypatch.setattr("riskctl.proving.KEEP_AFTER_NS", 10**12)  # the disk is not what is asked
    placing = pause(desk, patience_s=0.3)
    assert placing.hold.id in alpha.holds
    assert not placing.effective
    assert [one["account"] for one in placing.body()["unproven"]] == ["beta"]


def test_a_stop_learns_which_accounts_there_are(
    desk: BrakesDesk, home: BrakesHome, alpha: FakeGateway
) -> None:
    leases_lay(names=["gateway:alpha", "gateway:beta", "shard:0"])
    pause(desk, patience_s=0.2)
    assert accounts_kept(home) == frozenset({"alpha", "beta"})
    home.accounts.write_text("[")
    accounts_keep(home, ["beta", "alpha"])
    assert accounts_kept(home) == frozenset({"alpha", "beta"})


def test_without_the_database_an_account_of_another_host_is_not_passed_over(
    cut_off: BrakesDesk, home: BrakesHome, alpha: FakeGateway
) -> None:
    assert pause(cut_off).effective, "all that is known acknowledged, and it is kept"
    accounts_keep(home, ["alpha", "beta"])
    placing = pause(cut_off, patience_s=0.3)
    assert placing.hold.id in alpha.holds
    assert not placing.effective
    assert [one["account"] for one in placing.body()["unproven"]] == ["beta"]
    home.accounts.write_text("[")
    _latched_only(cut_off, alpha)
    home.accounts.unlink()
    _latched_only(cut_off, alpha)


def _latched_only(desk: BrakesDesk, gateway: FakeGateway) -> None:
    placing = pause(desk, patience_s=0.3)
    assert placing.hold.id in gateway.holds
    assert not placing.effective, "it is not known who there is"


def test_without_the_database_a_gateway_elsewhere_proves_nothing(
    cut_off: BrakesDesk, alpha: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its host may be lost with its journal, and a successor finds the hold nowhere."""
    monkeypatch.setattr("riskctl.placement.this_place", lambda: "another host")
    placing = pause(cut_off, patience_s=0.3)
    assert placing.hold.id in alpha.holds
    assert not placing.effective
