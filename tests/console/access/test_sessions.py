"""Sessions are listed, ended, and cleared up; one whose row is missing or ended opens nothing."""

import datetime as dt
import uuid
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.test import Client

from console.access import sessions
from console.access.revocation import roles_changed, session_revoke, sessions_end, sessions_revoke
from console.access.sessionlist import (
    KEPT_FOR,
    session_keys_kept,
    session_state,
    sessions_listed,
    sessions_tidy,
)
from console.models import RightsVersion, SessionRecord
from riskctl.actors import Actor, NotAllowedError, shell_actor
from tests.console.api.conftest import with_both_factors
from tests.console.conftest import entries, person, with_password_alone
from workers.tasks import housekeeping

pytestmark = pytest.mark.django_db

MERCY = Actor(kind="person", name="mercy.okafor", roles=frozenset({"trader"}), source="192.0.2.1")
PRIYA = Actor(kind="person", name="priya.raman", roles=frozenset({"administrator"}))
AGENT = "Mozilla/5.0 (X11; Linux x86_64) Firefox/145.0"


def opened(user: User, **extra: Any) -> Client:
    return with_both_factors(Client(raise_request_exception=False, **extra), user)


def key_of(client: Client) -> str:
    return str(client.session.session_key)


def row_of(client: Client) -> SessionRecord:
    return SessionRecord.objects.get(session_key=key_of(client))


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def test_a_session_is_listed_with_where_and_when(mercy: User) -> None:
    client = opened(mercy, REMOTE_ADDR="192.0.2.7", headers={"User-Agent": AGENT})
    assert client.get("/api/sessions").status_code == 200
    row = row_of(client)
    assert (row.person, row.address, row.user_agent) == (mercy, "192.0.2.7", AGENT)
    assert row.ended_at is None
    assert abs((now() - row.seen_at).total_seconds()) < 5


def test_a_factor_is_noted_with_its_kind(mercy: User) -> None:
    client = with_password_alone(Client(), mercy)
    session = client.session
    assert row_of(client).factor_at is None
    sessions.factor_given(session, "passkey")
    row = row_of(client)
    assert row.factor_kind == "passkey"
    assert row.factor_at is not None
    sessions.factor_given(session, "x" * 50)
    assert len(row_of(client).factor_kind) == sessions.KIND_LENGTH


@pytest.mark.parametrize(
    ("device", "kind"),
    [("otp_totp.totpdevice/7", "authenticator"), ("console.passkey/1", "passkey"),
     ("console.recoveryset/1", "recovery code"), ("other.device/1", ""), (None, "")],
)  # fmt: skip
def test_the_kind_of_a_factor_follows_from_its_device(device: str | None, kind: str) -> None:
    assert sessions.device_kind(device) == kind


def test_an_odd_user_agent_is_kept_in_a_sound_form(mercy: User) -> None:
    secret = "hl_" + "a1B2" * 10
    client = opened(mercy, headers={"User-Agent": f"curl \x07{secret}" + "x" * 500})
    client.get("/api/sessions")
    agent = row_of(client).user_agent
    assert agent.isprintable()
    assert len(agent) <= 200
    assert secret not in agent


def test_a_revoked_session_opens_nothing_from_the_next_request_on(mercy: User) -> None:
    client, other = opened(mercy), opened(mercy)
    key, row = key_of(client), row_of(client)
    session_revoke(session_id=row.id, actor=MERCY, reason="lost laptop")
    assert sessions.person_of_key(key).standing is sessions.Standing.NONE
    assert client.get("/api/orders").status_code == 401
    assert client.get("/holds").status_code == 302
    assert other.get("/api/orders").status_code == 200
    row.refresh_from_db()
    assert (row.ended_by, row.end_reason, row.session_key) == ("mercy.okafor", "lost laptop", "")
    assert not Session.objects.filter(session_key=key).exists()
    (entry,) = entries("session.end")
    assert (entry["actor"], entry["object_id"]) == ("mercy.okafor", str(row.id))
    assert entry["before"]["person"] == "mercy.okafor"
    assert key not in str(entry)


def test_the_row_alone_ends_a_session_whatever_django_keeps(mercy: User) -> None:
    """A factor given at the same moment may make Django's session anew under another key."""
    client = opened(mercy)
    data = dict(client.session.items())
    session_revoke(session_id=row_of(client).id, actor=MERCY)
    again = SessionStore()
    again.update(data)
    again.save()
    found = sessions.person_of_key(str(again.session_key))
    assert (found.standing, found.name) == (sessions.Standing.REVOKED, "mercy.okafor")


def test_a_session_without_a_row_or_with_another_persons_opens_nothing(
    mercy: User, tomas: User
) -> None:
    client, foreign = opened(mercy), opened(tomas)
    theirs = str(row_of(foreign).id)
    for ident in (None, "", "nonsense", str(uuid.uuid4()), theirs):
        session = client.session
        session[sessions.RECORD] = ident
        session.save()
        found = sessions.person_of_key(str(session.session_key))
        assert found.standing is sessions.Standing.REVOKED


def test_who_may_end_whose(mercy: User, tomas: User) -> None:
    client = opened(tomas)
    row = row_of(client)
    for actor in (
        MERCY,
        Actor(kind="person", name="ada.nwosu", roles=frozenset({"risk"})),
        Actor(kind="token", name="t of tomas.brandt", token_scopes=frozenset({"stop"})),
        shell_actor("root"),
    ):
        with pytest.raises(NotAllowedError):
            session_revoke(session_id=row.id, actor=actor)
        with pytest.raises(NotAllowedError):
            sessions_revoke(username="tomas.brandt", actor=actor)
    assert client.get("/api/orders").status_code == 200
    assert [one["outcome"] for one in entries("session.end")] == ["denied"] * 8
    session_revoke(session_id=row.id, actor=PRIYA, reason="left the firm")
    assert client.get("/api/orders").status_code == 401
    assert entries("session.end")[-1]["actor"] == "priya.raman"


def test_ending_asks_for_no_fresh_factor_and_can_be_repeated(mercy: User) -> None:
    assert not MERCY.stepped_up
    row = row_of(opened(mercy))
    first = session_revoke(session_id=row.id, actor=MERCY).ended_at
    assert session_revoke(session_id=row.id, actor=MERCY).ended_at == first
    assert len(entries("session.end")) == 1
    with pytest.raises(NotAllowedError, match="there is no session"):
        session_revoke(session_id=uuid.uuid4(), actor=MERCY)


@pytest.mark.parametrize("by", ["id", "key"])
def test_all_others_end_and_the_kept_one_goes_on(mercy: User, tomas: User, by: str) -> None:
    here, there, foreign = opened(mercy), opened(mercy), opened(tomas)
    with_password_alone(Client(), mercy)
    keep = sessions.record_id(here.session) if by == "id" else key_of(here)
    assert sessions_revoke(username="mercy.okafor", actor=MERCY, keep=keep) == 2
    assert here.get("/api/orders").status_code == 200
    assert there.get("/api/orders").status_code == 401
    assert foreign.get("/api/orders").status_code == 200
    assert sessions_end(username="mercy.okafor", actor=PRIYA, reason="factors reset") == 1
    assert here.get("/api/orders").status_code == 401


def test_a_session_key_that_is_not_known_keeps_nothing(mercy: User) -> None:
    client = with_password_alone(Client(), mercy)
    SessionRecord.objects.update(session_key="")
    assert sessions_end(username="mercy.okafor", actor=MERCY, reason="", keep="") == 1
    assert sessions.person_of(client.session).standing is sessions.Standing.REVOKED


def test_changed_rights_count_up(mercy: User) -> None:
    for _ in range(3):
        roles_changed(username="mercy.okafor")
    roles_changed(username="nobody.here")
    assert RightsVersion.objects.get().version == 3


def states(*rows: SessionRecord) -> list[str]:
    for row in rows:
        row.refresh_from_db()
    kept = session_keys_kept(list(rows))
    return [session_state(row, now(), kept=row.session_key in kept) for row in rows]


def test_the_list_says_how_each_stands(mercy: User) -> None:
    good, ended, idle, old, gone = (row_of(opened(mercy)) for _ in range(5))
    half = row_of(with_password_alone(Client(), mercy))
    SessionRecord.objects.exclude(id=half.id).update(factor_at=now())
    session_revoke(session_id=ended.id, actor=MERCY)
    SessionRecord.objects.filter(id=idle.id).update(seen_at=now() - dt.timedelta(minutes=61))
    SessionRecord.objects.filter(id=old.id).update(started_at=now() - dt.timedelta(hours=13))
    Session.objects.filter(session_key=gone.session_key).delete()
    rows = (good, half, ended, idle, old, gone)
    wanted = ["open", "password only", "ended", "timed out", "timed out", "signed out"]
    assert states(*rows) == wanted

    def listed(status: str) -> set[uuid.UUID]:
        found = sessions_listed(username="mercy.okafor", now=now(), status=status)
        return {row.id for row in found}

    assert listed("open") == {good.id, half.id}
    assert listed("ended") == {ended.id, idle.id, old.id, gone.id}
    assert listed("all") == {row.id for row in rows}


def test_clearing_up_notes_ends_and_forgets_after_a_while(mercy: User) -> None:
    good, idle, gone, long_over = (row_of(opened(mercy)) for _ in range(4))
    SessionRecord.objects.filter(id=idle.id).update(seen_at=now() - dt.timedelta(minutes=61))
    Session.objects.filter(session_key=gone.session_key).delete()
    SessionRecord.objects.filter(id=gone.id).update(seen_at=now() - dt.timedelta(minutes=6))
    session_revoke(session_id=long_over.id, actor=MERCY)
    SessionRecord.objects.filter(id=long_over.id).update(ended_at=now() - KEPT_FOR * 1.01)
    key = idle.session_key
    assert sessions_tidy(now=now()) == {"timed_out": 1, "signed_out": 1, "forgotten": 1}
    assert not Session.objects.filter(session_key=key).exists()
    assert states(good, idle, gone)[1:] == ["ended", "ended"]
    assert (idle.end_reason, gone.end_reason) == ("timed out", "signed out")
    assert not SessionRecord.objects.filter(id=long_over.id).exists()
    assert good.ended_at is None
    assert sessions_tidy(now=now()) == {"timed_out": 0, "signed_out": 0, "forgotten": 0}


def test_a_session_used_a_moment_ago_is_not_taken_for_signed_out(mercy: User) -> None:
    row = row_of(opened(mercy))
    Session.objects.all().delete()
    assert sessions_tidy(now=now())["signed_out"] == 0
    row.refresh_from_db()
    assert row.ended_at is None


def test_housekeeping_clears_up_the_list(mercy: User) -> None:
    row = row_of(opened(mercy))
    SessionRecord.objects.update(seen_at=now() - dt.timedelta(hours=2))
    housekeeping()
    row.refresh_from_db()
    assert row.end_reason == "timed out"


# REST -------------------------------------------------------------------------------------------


def body_of(answer: Any) -> Any:
    return answer.json()


def test_one_sees_ones_own_sessions(mercy: User, tomas: User) -> None:
    here, there = opened(mercy), opened(mercy)
    opened(tomas)
    found = body_of(here.get("/api/sessions"))
    assert {one["id"] for one in found} == {str(row_of(one).id) for one in (here, there)}
    assert [one["id"] for one in found if one["this_one"]] == [str(row_of(here).id)]
    text = here.get("/api/sessions?status=all").content.decode()
    assert key_of(here) not in text
    assert key_of(there) not in text


def test_another_persons_sessions_are_for_administrators(mercy: User, tomas: User) -> None:
    client = opened(mercy)
    theirs = opened(tomas)
    refused = client.get("/api/sessions?person=tomas.brandt")
    assert (refused.status_code, refused.json()["code"]) == (403, "session-not-yours")
    assert entries("access.deny")[-1]["actor"] == "mercy.okafor"
    path = f"/api/sessions/{row_of(theirs).id}/revoke"
    assert client.post(path, "{}", content_type="application/json").status_code == 403
    admin = opened(person("priya.raman", "administrator"))
    (one,) = body_of(admin.get("/api/sessions?person=tomas.brandt"))
    assert (one["person"], one["this_one"]) == ("tomas.brandt", False)
    answer = admin.post(path, '{"reason": "left"}', content_type="application/json")
    assert answer.status_code == 200
    assert (answer.json()["state"], answer.json()["ended_by"]) == ("ended", "priya.raman")
    assert theirs.get("/api/orders").status_code == 401


def test_all_others_by_rest(mercy: User, tomas: User) -> None:
    here, there, foreign = opened(mercy), opened(mercy), opened(tomas)
    path = "/api/sessions/revoke-others"
    answer = here.post(path, "", content_type="application/json")
    assert (answer.status_code, answer.json()) == (200, {"person": "mercy.okafor", "revoked": 1})
    assert there.get("/api/sessions").status_code == 401
    assert here.get("/api/sessions").status_code == 200
    body = '{"person": "tomas.brandt"}'
    assert here.post(path, body, content_type="application/json").status_code == 403
    assert foreign.get("/api/sessions").status_code == 200


def test_no_token_sees_or_ends_sessions(caller: Client, mercy: User) -> None:
    row = row_of(opened(mercy))
    for answer in (
        caller.get("/api/sessions"),
        caller.post(f"/api/sessions/{row.id}/revoke"),
        caller.post("/api/sessions/revoke-others"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "people-only")
    row.refresh_from_db()
    assert row.ended_at is None


def test_a_session_that_is_none_is_404(mercy: User) -> None:
    path = f"/api/sessions/{uuid.uuid4()}/revoke"
    answer = opened(mercy).post(path, "{}", content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (404, "session-unknown")
