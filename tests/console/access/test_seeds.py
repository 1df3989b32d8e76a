"""Factor seeds at rest: ciphertext, one person's, and the database takes nothing else."""

import binascii

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django_otp.plugins.otp_totp.models import TOTPDevice

from audit.key_source import key_store
from audit.sealing import SealError, key_of
from console.access.seal_lock import sealing
from console.models import Authenticator
from tests.console.conftest import code_of, give_password, signed_in, whole_record

pytestmark = pytest.mark.django_db
SEED = "3132333435363738393031323334353637383930"


def column(device: Authenticator) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT key FROM otp_totp_totpdevice WHERE id = %s", [device.pk])
        return str(cursor.fetchone()[0])


def test_the_column_holds_ciphertext_of_the_current_key(mercy: User) -> None:
    device = Authenticator.objects.create(user=mercy, name="phone", key=SEED)
    kept = column(device)
    assert key_of(kept) == key_store().current()
    assert SEED not in kept
    assert bytes.fromhex(SEED) == Authenticator.objects.get(pk=device.pk).bin_key
    device.name = "old phone"
    device.save()
    assert column(device) == kept


def test_a_sign_in_verifies_against_the_sealed_seed(browser: Client, mercy: User) -> None:
    assert key_of(column(Authenticator.objects.get(user=mercy)))
    assert signed_in(browser, mercy).get("/").status_code == 200


@pytest.mark.parametrize("key", [SEED, "", "hl1.k.a.b", "sealed", "hl1.k000001-00000000..x.y"])
def test_the_database_refuses_a_seed_in_the_clear_by_whatever_path(mercy: User, key: str) -> None:
    with pytest.raises(IntegrityError, match="seed_is_sealed"), transaction.atomic():
        TOTPDevice.objects.create(user=mercy, name="phone", key=key)
    with pytest.raises(IntegrityError, match="seed_is_sealed"), transaction.atomic():
        TOTPDevice.objects.filter(user=mercy).update(key=key)


def test_django_otps_own_class_verifies_nothing(mercy: User) -> None:
    """It would take the ciphertext for the seed: it must fail, whatever the code."""
    stock = TOTPDevice.objects.get(user=mercy)
    with pytest.raises(binascii.Error):
        stock.verify_token(code_of(mercy))


def test_the_seed_of_one_person_does_not_open_for_another(mercy: User, tomas: User) -> None:
    own, other = Authenticator.objects.get(user=mercy), Authenticator.objects.get(user=tomas)
    TOTPDevice.objects.filter(pk=own.pk).update(key=other.key)
    with pytest.raises(SealError, match="altered or moved"):
        _ = Authenticator.objects.get(pk=own.pk).bin_key
    TOTPDevice.objects.filter(pk=other.pk).update(user=mercy)
    with pytest.raises(SealError, match="altered or moved"):
        _ = Authenticator.objects.get(pk=other.pk).bin_key


def test_a_seed_that_does_not_open_lets_nobody_in(
    browser: Client, mercy: User, tomas: User
) -> None:
    stolen = Authenticator.objects.get(user=tomas).key
    TOTPDevice.objects.filter(user=mercy).update(key=stolen)
    give_password(browser, mercy)
    answer = browser.post("/sign-in/factor", {"code": code_of(tomas)})
    assert answer.status_code >= 400
    assert browser.get("/").status_code == 302
    assert stolen not in whole_record()


def test_sealing_takes_a_transaction() -> None:
    with transaction.atomic():
        sealing()


@pytest.mark.django_db(transaction=True)
def test_sealing_without_one_is_refused() -> None:
    with pytest.raises(RuntimeError, match="transaction"):
        sealing()
