"""Tokens as services: made, collected, rotated, revoked; and from where they may be used."""

import dataclasses
import datetime as dt
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from console.access import capability
from console.access.token_wish import Wanted, wanted
from console.access.tokens import (
    ALIVE,
    MOST_TOKENS,
    Made,
    token_ask,
    token_collect,
    token_digest,
    token_make,
    token_revoke,
    token_rotate,
    token_state,
    token_text,
    tokens_end,
    within,
)
from console.models import ApiToken
from riskctl.actors import Actor, NotAllowedError, shell_actor
from riskctl.approvals import RequestError
from tests.console.conftest import entries, whole_record

pytestmark = pytest.mark.django_db

MERCY = Actor(
    kind="person", name="mercy.okafor", roles=frozenset({"trader"}), factor_age_s=5.0,
    source="192.0.2.1",
)  # fmt: skip
PRIYA = Actor(kind="person", name="priya.raman", roles=frozenset({"administrator"}))
WISH = Wanted("nightly report", ("read",), (), 90)
NO_OVERLAP = dt.timedelta(0)


def made(wish: Wanted = WISH) -> Made:
    return token_make(actor=MERCY, wish=wish)


def waiting(owner: User, *scopes: str, **facts: Any) -> ApiToken:
    """A token that two people agreed to, not collected yet."""
    now = dt.datetime.now(dt.UTC)
    given: dict[str, Any] = {
        "name": "stopper", "scopes": list(scopes or ("read", "stop")), "networks": [],
        "expires_at": now + dt.timedelta(days=1), "collect_until": now + dt.timedelta(hours=1),
    }  # fmt: skip
    return ApiToken.objects.create(owner=owner, **given | facts)


def status(text: str, where: str = "127.0.0.1") -> tuple[int, str]:
    client = Client(headers={"Authorization": f"Bearer {text}"}, REMOTE_ADDR=where)
    answer = client.get("/api/orders")
    return answer.status_code, "" if answer.status_code == 200 else answer.json()["code"]


# What may be asked for ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", ""), ("name", " a"), ("name", "a/b"), ("name", "a" * 61), ("name", None),
     ("name", "a\n"), ("scopes", []), ("scopes", ["approve"]), ("scopes", "read"),
     ("scopes", ["read", 1]), ("scopes", ["stop", "export"]), ("scopes", None),
     ("networks", ["192.0.2.7/24"]), ("networks", ["nowhere"]), ("networks", ["192.0.2.0/33"]),
     ("networks", ["2001:db8::/129"]), ("networks", "10.0.0.0/8"), ("networks", None),
     ("networks", ["::ffff:192.0.2.0/120"]),
     ("networks", ["10.0.0.0/8"] * 21), ("days", 0), ("days", 366), ("days", True), ("days", 1.5),
     ("days", "90"), ("days", None)],
)  # fmt: skip
def test_what_no_token_can_be_names_the_field(field: str, value: Any) -> None:
    good: dict[str, Any] = {"name": "n", "scopes": ["read"], "networks": [], "days": 1}
    with pytest.raises(RequestError) as refused:
        wanted(**good | {field: value})
    assert refused.value.field == field


def test_networks_are_kept_in_one_form() -> None:
    networks = ["10.1.0.0/16", "192.0.2.7", "2001:DB8:0::/32", "::1", "10.1.0.0/16"]
    wish = wanted(name="n", scopes=["stop", "read", "stop"], networks=networks, days=365)
    assert wish.networks == ("10.1.0.0/16", "192.0.2.7/32", "2001:db8::/32", "::1/128")
    assert wish.scopes == ("read", "stop")


# Making ------------------------------------------------------------------------------------------


def test_a_token_is_made_and_its_secret_is_nowhere(mercy: User) -> None:
    found = made()
    assert status(found.text) == (200, "")
    row = ApiToken.objects.get()
    assert bytes(row.digest or b"") == token_digest(found.text)
    assert abs(row.expires_at - dt.datetime.now(dt.UTC) - dt.timedelta(days=90)).seconds < 60
    (entry,) = entries("token.make")
    assert (entry["actor"], entry["after"]["scopes"]) == ("mercy.okafor", ["read"])
    assert found.text not in whole_record()
    assert token_digest(found.text).hex() not in whole_record()
    assert found.text not in repr(vars(row))


def test_256_bits_and_no_two_alike() -> None:
    texts = {token_text() for _ in range(1000)}
    assert len(texts) == 1000
    assert all(len(one) == len("hl_") + 43 for one in texts)  # 43 letters of six bits


@pytest.mark.parametrize("scope", ["stop", "flatten", "trade-test", "export"])
def test_nobody_makes_a_token_that_does_more_alone(mercy: User, scope: str) -> None:
    with pytest.raises(NotAllowedError) as refused:
        made(Wanted("n", ("read", scope), (), 1))
    assert refused.value.code == "token-takes-two"
    assert entries("token.make")[0]["outcome"] == "denied"
    assert not ApiToken.objects.exists()


@pytest.mark.parametrize(
    ("actor", "code"),
    [(dataclasses.replace(MERCY, factor_age_s=301.0), "token-needs-step-up"),
     (dataclasses.replace(MERCY, factor_age_s=None), "token-needs-step-up"),
     (Actor(kind="token", name="t", token_scopes=frozenset({"read"})), "token-tokens-cannot"),
     (shell_actor("root"), "token-shells-cannot"),
     (dataclasses.replace(MERCY, name="nobody.here"), "token-owner-inactive")],
)  # fmt: skip
def test_who_makes_none(mercy: User, actor: Actor, code: str) -> None:
    with pytest.raises(NotAllowedError) as refused:
        token_make(actor=actor, wish=WISH)
    assert refused.value.code == code
    assert not ApiToken.objects.exists()


def test_a_living_tokens_name_is_taken_and_a_dead_ones_free(mercy: User) -> None:
    first = made()
    with pytest.raises(RequestError, match="of this name"):
        made()
    token_revoke(token_id=first.token.pk, actor=MERCY)
    assert made().token.pk != first.token.pk


def test_nobody_has_more_than_fifty(mercy: User) -> None:
    for number in range(MOST_TOKENS):
        made(dataclasses.replace(WISH, name=f"n{number}"))
    with pytest.raises(RequestError, match="revoke some first"):
        made()


# Collecting --------------------------------------------------------------------------------------


def test_a_secret_is_made_when_its_owner_collects_it_and_once(mercy: User) -> None:
    row = waiting(mercy)
    found = token_collect(token_id=row.pk, actor=MERCY)
    assert status(found.text) == (200, "")
    carried = capability.of_token(found.text)
    assert carried is not None
    assert (carried.name, carried.owner) == ("stopper of mercy.okafor", "mercy.okafor")
    assert carried.expires_at == int(row.expires_at.timestamp())
    with pytest.raises(NotAllowedError) as refused:
        token_collect(token_id=row.pk, actor=MERCY)
    assert refused.value.code == "token-collected"
    assert [one["outcome"] for one in entries("token.collect")] == ["done", "denied"]
    assert found.text not in whole_record()


def test_only_its_owner_collects_in_time_with_a_fresh_factor(mercy: User, tomas: User) -> None:
    past = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=1)
    late = waiting(mercy, name="late", collect_until=past)
    gone = waiting(mercy, name="gone", revoked_at=past)
    row = waiting(mercy)
    stepped = dataclasses.replace(PRIYA, factor_age_s=1.0)
    stale = dataclasses.replace(MERCY, factor_age_s=400.0)
    for token, actor, code in (
        (row, stepped, "token-not-yours"),
        (row, dataclasses.replace(MERCY, name="tomas.brandt"), "token-not-yours"),
        (row, stale, "token-needs-step-up"),
        (late, MERCY, "token-uncollected"),
        (gone, MERCY, "token-ended"),
    ):
        with pytest.raises(NotAllowedError) as refused:
            token_collect(token_id=token.pk, actor=actor)
        assert refused.value.code == code
    assert not ApiToken.objects.exclude(digest=None).exists()


@pytest.mark.django_db(transaction=True)
def test_of_sixteen_at_once_one_collects(mercy: User) -> None:
    row, texts, codes = waiting(mercy), [], []
    start = threading.Barrier(16)

    def collect() -> None:
        start.wait()
        try:
            texts.append(token_collect(token_id=row.pk, actor=MERCY).text)
        except NotAllowedError as refused:
            codes.append(refused.code)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=collect) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (len(texts), codes) == (1, ["token-collected"] * 15)
    assert status(texts[0]) == (200, "")


# Rotating ----------------------------------------------------------------------------------------


def test_the_secret_before_stays_good_for_the_overlap(mercy: User) -> None:
    old = made()
    new = token_rotate(token_id=old.token.pk, actor=MERCY, overlap=dt.timedelta(hours=24))
    assert new.text != old.text
    assert (status(old.text), status(new.text)) == ((200, ""), (200, ""))
    ApiToken.objects.update(previous_until=dt.datetime.now(dt.UTC))
    assert status(old.text) == (401, "token-rotated")
    assert status(new.text) == (200, "")
    newer = token_rotate(token_id=old.token.pk, actor=MERCY, overlap=dt.timedelta(hours=1))
    assert status(old.text) == (401, "token-unknown"), "only the one before overlaps"
    assert (status(new.text), status(newer.text)) == ((200, ""), (200, ""))
    assert not {old.text, new.text, newer.text} & set(whole_record().split('"'))


def test_without_overlap_the_old_secret_ends_at_once(mercy: User) -> None:
    old = made()
    new = token_rotate(token_id=old.token.pk, actor=MERCY, overlap=NO_OVERLAP)
    assert (status(old.text), status(new.text)) == ((401, "token-unknown"), (200, ""))


def test_rotation_changes_neither_scopes_nor_end(mercy: User) -> None:
    row = waiting(mercy, "read", "flatten", networks=["192.0.2.0/24"])
    token_collect(token_id=row.pk, actor=MERCY)
    new = token_rotate(token_id=row.pk, actor=MERCY, overlap=NO_OVERLAP)
    carried = capability.of_token(new.text)
    assert carried is not None
    assert (carried.scopes, carried.networks) == (("read", "flatten"), ("192.0.2.0/24",))
    assert (new.token.expires_at, new.token.version) == (row.expires_at, 1)


@pytest.mark.parametrize("hours", [-1, 24.01])
def test_overlaps_that_are_none(mercy: User, hours: float) -> None:
    with pytest.raises(RequestError) as refused:
        token_rotate(token_id=made().token.pk, actor=MERCY, overlap=dt.timedelta(hours=hours))
    assert refused.value.field == "overlap_hours"


def test_who_rotates_and_what(mercy: User, tomas: User) -> None:
    found, uncollected = made(), waiting(mercy)
    stepped = dataclasses.replace(PRIYA, factor_age_s=1.0)
    rotate: dict[str, Any] = {"overlap": NO_OVERLAP, "version": 0}
    for token, actor, code in (
        (found.token.pk, stepped, "token-not-yours"),
        (found.token.pk, dataclasses.replace(MERCY, factor_age_s=400.0), "token-needs-step-up"),
        (uncollected.pk, MERCY, "token-not-collected"),
        (10**9, MERCY, "token-not-there"),
    ):
        with pytest.raises(NotAllowedError) as refused:
            token_rotate(token_id=token, actor=actor, **rotate)
        assert refused.value.code == code
    token_rotate(token_id=found.token.pk, actor=MERCY, **rotate)
    with pytest.raises(NotAllowedError, match="rotated meanwhile"):
        token_rotate(token_id=found.token.pk, actor=MERCY, **rotate)
    token_revoke(token_id=found.token.pk, actor=MERCY)
    with pytest.raises(NotAllowedError, match="it has ended"):
        token_rotate(token_id=found.token.pk, actor=MERCY, overlap=NO_OVERLAP)


# Revoking ----------------------------------------------------------------------------------------


def test_a_revoked_token_is_refused_from_then_on_and_the_one_before_it_too(mercy: User) -> None:
    old = made()
    new = token_rotate(token_id=old.token.pk, actor=MERCY, overlap=dt.timedelta(hours=1))
    stale = dataclasses.replace(MERCY, factor_age_s=9_999.0)
    token_revoke(token_id=old.token.pk, actor=stale, reason="in a public log")
    assert status(new.text) == status(old.text) == (401, "token-revoked")
    (entry,) = entries("token.revoke")
    assert (entry["actor"], entry["reason"]) == ("mercy.okafor", "in a public log")
    token_revoke(token_id=old.token.pk, actor=PRIYA)
    assert ApiToken.objects.get().revoked_by == "mercy.okafor", "once"


def test_who_revokes_whose(mercy: User, tomas: User) -> None:
    found = made()
    for actor in (
        dataclasses.replace(MERCY, name="tomas.brandt"),
        Actor(kind="person", name="ada.nwosu", roles=frozenset({"risk", "sre", "compliance"})),
        Actor(kind="token", name="nightly report of mercy.okafor"),
    ):
        with pytest.raises(NotAllowedError):
            token_revoke(token_id=found.token.pk, actor=actor)
    assert status(found.text) == (200, "")
    token_revoke(token_id=found.token.pk, actor=PRIYA, reason="left")
    assert status(found.text) == (401, "token-revoked")


def test_a_token_that_waits_to_be_collected_can_be_revoked(mercy: User) -> None:
    row = waiting(mercy)
    token_revoke(token_id=row.pk, actor=MERCY)
    with pytest.raises(NotAllowedError):
        token_collect(token_id=row.pk, actor=MERCY)


def test_a_persons_tokens_end_all_or_by_scope(mercy: User, tomas: User) -> None:
    reading = made()
    stopping = token_collect(token_id=waiting(mercy).pk, actor=MERCY)
    other = waiting(tomas)
    assert tokens_end(username="mercy.okafor", actor=PRIYA, reason="moved", scopes={"stop"}) == 1
    assert (status(reading.text), status(stopping.text)[0]) == ((200, ""), 401)
    assert tokens_end(username="mercy.okafor", actor=PRIYA, reason="left") == 1
    assert status(reading.text) == (401, "token-revoked")
    other.refresh_from_db()
    assert other.revoked_at is None


def test_a_disabled_owners_tokens_are_refused_and_come_back_with_them(mercy: User) -> None:
    found = made()
    User.objects.update(is_active=False)
    assert status(found.text) == (401, "token-owner-inactive")
    User.objects.update(is_active=True)
    assert status(found.text) == (200, "")


def test_how_a_token_stands(mercy: User) -> None:
    now = dt.datetime.now(dt.UTC)
    past = now - dt.timedelta(seconds=1)
    rows = {
        "good": made().token,
        "to collect": waiting(mercy, name="a"),
        "not collected": waiting(mercy, name="b", collect_until=past),
        "expired": waiting(mercy, name="c", collect_until=None, expires_at=past),
        "revoked": waiting(mercy, name="d", revoked_at=past),
    }
    assert {name: token_state(row, now) for name, row in rows.items()} == {n: n for n in rows}
    assert set(rows) > ALIVE


def test_asking_names_the_token_and_reading_alone_needs_none(mercy: User) -> None:
    with pytest.raises(RequestError, match="takes nobody else"):
        token_ask(actor=MERCY, wish=WISH, reason="x")
    long = dataclasses.replace(MERCY, name="m" * 100)
    with pytest.raises(RequestError, match="shorter"):
        token_ask(actor=long, wish=Wanted("n" * 40, ("stop",), (), 1), reason="x")


# From where --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("where", "inside"),
    [("192.0.2.7", True), ("192.0.3.7", False), ("::ffff:192.0.2.7", True), ("2001:db8::1", True),
     ("2001:db9::1", False), ("fe80::1%eth0", False), ("::1", False), ("", False),
     ("unix:", False), ("192.0.2.7, 10.0.0.1", False), ("192.0.2.007", False)],
)  # fmt: skip
def test_networks_of_both_families(where: str, inside: bool) -> None:
    assert within(["192.0.2.0/24", "2001:db8::/32"], where) is inside
    assert within([], where) is True


PLAIN = st.ip_addresses().filter(lambda one: getattr(one, "ipv4_mapped", None) is None)


@given(PLAIN, st.integers(0, 128))
def test_an_address_is_within_its_own_network_and_not_in_the_other_half(
    address: Any, bits: int
) -> None:
    length = min(bits, address.max_prefixlen)
    network = type(address)(int(address) >> (address.max_prefixlen - length) << (
        address.max_prefixlen - length)) if length else type(address)(0)  # fmt: skip
    assert within([f"{network}/{length}"], str(address))
    if length:
        other = type(address)(int(address) ^ (1 << (address.max_prefixlen - length)))
        mapped = getattr(other, "ipv4_mapped", None)
        assert mapped is not None or not within([f"{network}/{length}"], str(other))


def test_a_token_is_refused_from_elsewhere_and_the_address_is_noted(
    mercy: User, new_token: Callable[..., str]
) -> None:
    text = new_token(networks=["192.0.2.0/24"])
    assert status(text, "198.51.100.1") == (401, "token-elsewhere")
    assert ApiToken.objects.get().last_used_at is None
    assert entries("access.deny")[0]["source"] == "198.51.100.1"
    assert entries("access.deny")[0]["actor"] == "script of mercy.okafor"
    assert status(text, "192.0.2.9") == (200, "")
    assert ApiToken.objects.get().last_used_from == "192.0.2.9"


def test_an_address_that_a_caller_writes_itself_counts_for_nothing(
    mercy: User, new_token: Callable[..., str]
) -> None:
    text = new_token(networks=["192.0.2.0/24"])
    headers = {"Authorization": f"Bearer {text}", "X-Forwarded-For": "192.0.2.9",
               "X-Real-IP": "192.0.2.9", "Forwarded": "for=192.0.2.9"}  # fmt: skip
    answer = Client(headers=headers, REMOTE_ADDR="198.51.100.1").get("/api/orders")
    assert answer.json()["code"] == "token-elsewhere"
