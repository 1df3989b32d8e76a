"""Passkeys (WebAuthn): the questions put to them, and checking what they answer.

Each question is of one session, for one purpose, lives two minutes, and is used up by the first
answer, right or wrong. The authenticator must have verified its user (PIN, finger, face).
"""

import datetime as dt
import hashlib
import secrets
from typing import Any

import webauthn
from django.contrib.auth.models import User
from django.utils import timezone
from django.utils.crypto import salted_hmac
from webauthn.helpers import (
    options_to_json_dict,
    parse_authentication_credential_json,
    parse_client_data_json,
    parse_registration_credential_json,
)
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticationCredential,
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    RegistrationCredential,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from audit.models import Outcome
from console.access.factors.answers import FactorAnswer, NotAddedError
from console.access.factors.relying import NAME, Relying
from console.models import Passkey, PasskeyChallenge

CHALLENGE_LIFE = dt.timedelta(minutes=2)
_TIMEOUT_MS = int(CHALLENGE_LIFE.total_seconds() * 1000)
_LONGEST = 16_384
_UNREADABLE = (WebAuthnException, ValueError, TypeError, RecursionError)
_REQUIRED = UserVerificationRequirement.REQUIRED
Purpose = PasskeyChallenge.Purpose


def passkeys_of(user: User, rp_id: str) -> list[Passkey]:
    """The user's passkeys that work for ``rp_id``."""
    return list(Passkey.objects.filter(user=user, confirmed=True, rp_id=rp_id).order_by("pk"))


def user_handle(user: User) -> bytes:
    """How authenticators know the person: tells nobody anything."""
    return salted_hmac("console.passkey", str(user.pk), algorithm="sha256").digest()


def give_options(user: User, relying: Relying, session_key: str) -> dict[str, Any]:
    """What ``navigator.credentials.get`` is asked, as JSON."""
    options = webauthn.generate_authentication_options(
        rp_id=relying.rp_id,
        challenge=_challenge(user, session_key, Purpose.GIVE),
        timeout=_TIMEOUT_MS,
        allow_credentials=_descriptors(user, relying),
        user_verification=_REQUIRED,
    )
    return options_to_json_dict(options)


def add_options(user: User, relying: Relying, session_key: str) -> dict[str, Any]:
    """What ``navigator.credentials.create`` is asked, as JSON."""
    options = webauthn.generate_registration_options(
        rp_id=relying.rp_id,
        rp_name=NAME,
        user_id=user_handle(user),
        user_name=user.get_username(),
        user_display_name=user.get_full_name() or user.get_username(),
        challenge=_challenge(user, session_key, Purpose.ADD),
        timeout=_TIMEOUT_MS,
        exclude_credentials=_descriptors(user, relying),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED, user_verification=_REQUIRED
        ),
    )
    return options_to_json_dict(options)


def passkey_check(user: User, text: str, relying: Relying, session_key: str) -> FactorAnswer:
    """Check what an authenticator answered to ``give_options``. In a transaction."""
    if not relying.rp_id:
        return FactorAnswer(Outcome.DENIED, relying.why)
    try:
        given = parse_authentication_credential_json(text[:_LONGEST])
        challenge = _challenge_in(given)
    except _UNREADABLE:
        return FactorAnswer(Outcome.FAILED, "not an answer of a passkey")
    if not _taken(user, session_key, Purpose.GIVE, challenge):
        return FactorAnswer(Outcome.FAILED, "challenge unknown, used or too old")
    device = (
        Passkey.objects.select_for_update()
        .filter(user=user, confirmed=True, rp_id=relying.rp_id, credential_id=given.raw_id)
        .first()
    )
    if device is None or given.response.user_handle not in (None, user_handle(user)):
        return FactorAnswer(Outcome.FAILED, "no such passkey of this person")
    try:
        verified = webauthn.verify_authentication_response(
            credential=given,
            expected_challenge=challenge,
            expected_rp_id=device.rp_id,
            expected_origin=relying.origin,
            credential_public_key=bytes(device.public_key),
            credential_current_sign_count=device.sign_count,
            require_user_verification=True,
        )
    except _UNREADABLE as error:
        return FactorAnswer(Outcome.FAILED, f"passkey: {error}"[:200])
    device.sign_count = verified.new_sign_count
    device.backed_up = verified.credential_backed_up
    device.set_last_used_timestamp()
    return FactorAnswer(Outcome.DONE, "", device)


def passkey_add(
    user: User, text: str, name: str, relying: Relying, session_key: str
) -> Passkey:  # fmt: skip
    """Keep what an authenticator answered to ``add_options``. In a transaction.

    Raises NotAddedError; the question it used up is for the caller to commit.
    """
    if not relying.rp_id:
        raise NotAddedError(relying.why)
    try:
        given = parse_registration_credential_json(text[:_LONGEST])
        challenge = _challenge_in(given)
    except _UNREADABLE as error:
        raise NotAddedError("The browser gave no passkey. Try again.") from error
    if not _taken(user, session_key, Purpose.ADD, challenge):
        raise NotAddedError("That took too long or was answered before. Try again.")
    try:
        verified = webauthn.verify_registration_response(
            credential=given,
            expected_challenge=challenge,
            expected_rp_id=relying.rp_id,
            expected_origin=relying.origin,
            require_user_verification=True,
        )
    except _UNREADABLE as error:
        raise NotAddedError(f"The passkey was refused: {error}"[:200]) from error
    if len(verified.credential_id) > 1023 or len(verified.credential_public_key) > 2048:
        raise NotAddedError("The passkey was refused: it is too long.")
    device: Passkey
    device, made = Passkey.objects.get_or_create(
        credential_id=verified.credential_id,
        defaults={
            "user": user,
            "name": name,
            "public_key": verified.credential_public_key,
            "sign_count": verified.sign_count,
            "transports": [one.value for one in given.response.transports or []],
            "rp_id": relying.rp_id,
            "backed_up": verified.credential_backed_up,
        },
    )
    if not made:
        raise NotAddedError("That passkey is in use already.")
    return device


# Questions --------------------------------------------------------------------------------------


def _challenge(user: User, session_key: str, purpose: Purpose) -> bytes:
    """A new one; what the session was asked for this purpose before is void."""
    now, session = timezone.now(), _mark(session_key)
    PasskeyChallenge.objects.filter(expires_at__lte=now).delete()
    PasskeyChallenge.objects.filter(session=session, purpose=purpose).delete()
    challenge = secrets.token_bytes(32)
    PasskeyChallenge.objects.create(
        challenge=challenge,
        user=user,
        session=session,
        purpose=purpose,
        expires_at=now + CHALLENGE_LIFE,
    )
    return challenge


def _taken(user: User, session_key: str, purpose: Purpose, challenge: bytes) -> bool:
    """Use the question up. Of any number at once one finds it: the row is gone with it."""
    gone, _ = PasskeyChallenge.objects.filter(
        user=user,
        session=_mark(session_key),
        purpose=purpose,
        challenge=challenge,
        expires_at__gt=timezone.now(),
    ).delete()
    return gone == 1


def _mark(session_key: str) -> str:
    return hashlib.sha256(session_key.encode()).hexdigest()


def _challenge_in(given: AuthenticationCredential | RegistrationCredential) -> bytes:
    """Raises ValueError for an answer made in a frame of another site."""
    said = parse_client_data_json(given.response.client_data_json)
    if said.cross_origin:
        raise ValueError("made in a frame of another site")
    return said.challenge


def _descriptors(user: User, relying: Relying) -> list[PublicKeyCredentialDescriptor]:
    return [
        PublicKeyCredentialDescriptor(
            id=bytes(one.credential_id),
            transports=[AuthenticatorTransport(word) for word in one.transports],
        )
        for one in passkeys_of(user, relying.rp_id)
    ]
