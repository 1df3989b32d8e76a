"""Idempotency-Key: any number at once, and on what is no stop."""

import threading
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit.models import Entry
from console.api import authentication, stops
from console.api.naming import Away, StopKey, known_under
from console.models import KeptAnswer
from riskctl.actors import Actor
from riskctl.holds import Kind, Mode
from riskctl.models import Approval, DeadMan, Hold
from tests.console.api.brakes import BrakesDesk, lifted, new_hold, sent
from tests.console.api.test_problems import problem

pytestmark = pytest.mark.django_db(transaction=True)

AT_ONCE = 16
STOPPED = {200, 202}
"""On a busy machine the proof may come after the answer."""
KILL = "/emergency/stop-trading"


def at_once(work: Callable[[], Any]) -> list[Any]:
    """What sixteen threads, let loose together, were answered."""
    start, found = threading.Barrier(AT_ONCE), []

    def one() -> None:
        start.wait()
        try:
            found.append(work())
        finally:
            connections.close_all()

    threads = [threading.Thread(target=one) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return found


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A database on a busy machine is not taken for one that is away."""
    for module in (stops, authentication):
        monkeypatch.setattr(module, "ASK_S", 20)


def test_sixteen_stops_with_one_key_are_one_hold_and_then_one_more(
    brakes: BrakesDesk, patient: None
) -> None:
    client = brakes.token("stop")

    def stop() -> Any:
        return sent(client, KILL, {"reason": "now"}, **{"Idempotency-Key": "same"})

    for holds in (1, 2):
        answers = at_once(stop)
        assert len(answers) == AT_ONCE
        assert {one.status_code for one in answers} <= STOPPED
        (ident,) = {one.json()["hold"]["id"] for one in answers}
        assert Hold.objects.count() == holds
        assert Entry.objects.filter(action="hold.place").count() == holds
        assert len(brakes.told()) == holds
        lifted(ident)


def test_sixteen_stops_without_a_key_are_sixteen(brakes: BrakesDesk, patient: None) -> None:
    client = brakes.token("stop")
    answers = at_once(lambda: sent(client, KILL))
    assert {one.status_code for one in answers} <= STOPPED
    assert len({one.json()["hold"]["id"] for one in answers}) == AT_ONCE
    assert Hold.objects.count() == AT_ONCE == len(brakes.told())


def test_sixteen_requests_with_one_key_are_one(brakes: BrakesDesk) -> None:
    hold, ada = new_hold(Kind.KILL, "firm"), brakes.person("ada")
    body = {"reason": "mended", "root_cause": "a bug", "rollback": "to 1.0"}

    def ask() -> Any:
        return sent(ada, f"/api/holds/{hold.id}/lift", body, **{"Idempotency-Key": "k"})

    answers = at_once(ask)
    assert [one.status_code for one in answers] == [202] * AT_ONCE
    assert {one.json()["id"] for one in answers} == {str(Approval.objects.get().id)}
    assert {one["Location"] for one in answers} == {f"/api/approvals/{Approval.objects.get().id}"}
    assert ask().json() == answers[0].json()


def test_a_repeated_confirmation_confirms_once(brakes: BrakesDesk) -> None:
    ada = brakes.person("ada")
    first = sent(ada, "/api/deadman", **{"Idempotency-Key": "k"}).json()
    confirmed = DeadMan.objects.get().confirmed_at
    assert sent(ada, "/api/deadman/", **{"Idempotency-Key": "k"}).json() == first
    assert DeadMan.objects.get().confirmed_at == confirmed
    assert sent(ada, "/api/deadman", **{"Idempotency-Key": "other"}).json() != first
    other = sent(brakes.person("lena"), "/api/deadman", **{"Idempotency-Key": "k"}).json()
    assert other["confirmed_by"] == "lena.fischer"


def test_a_refusal_is_not_kept_and_is_recorded(brakes: BrakesDesk) -> None:
    hold, tomas = new_hold(), brakes.person("tomas")
    path, key = f"/api/holds/{hold.id}/lift", {"Idempotency-Key": "k"}
    problem(sent(tomas, path, {"reason": "x"}, **key), 403, "lift-not-your-role")
    assert not KeptAnswer.objects.exists()
    assert Entry.objects.filter(action="hold.lift", outcome="denied").count() == 1
    ada = brakes.person("ada")
    assert sent(ada, path, {"reason": "x"}, **key).status_code == 200
    assert sent(ada, path, {"reason": "x"}, **key).status_code == 200
    assert sent(ada, path, {"reason": "x"}).json()["code"] == "hold-already-lifted"


@pytest.mark.parametrize("key", ["", "x" * 201, "a b", "ключ"])
def test_keys_that_are_none(brakes: BrakesDesk, key: str) -> None:
    answer = sent(brakes.person("ada"), "/api/deadman", **{"Idempotency-Key": key})
    if not key:
        assert answer.status_code == 200
        return
    assert problem(answer, 400, "query-invalid")["field"] == "Idempotency-Key"


# Properties of what a key means ------------------------------------------------------------------

ACTOR = Actor(kind="token", name="script of mercy.okafor")
WORDS = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=6)
KEYS = st.builds(
    StopKey,
    st.builds(Actor, kind=st.sampled_from(["token", "person"]), name=WORDS),
    WORDS,
    WORDS.filter(bool),
    WORDS,
    st.sampled_from(Kind),
    st.sampled_from([None, *Mode]),
)


@given(KEYS, KEYS, st.integers(0, 3), st.integers(0, 3))
def test_no_two_keys_share_a_hold(one: StopKey, other: StopKey, first: int, second: int) -> None:
    same = (one, first) == (other, second)
    assert (one.ident(first) == other.ident(second)) == same


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(st.sampled_from(["place", "lift", "place-away"]), max_size=9))
def test_what_a_key_means_is_never_a_hold_that_was_lifted(db: None, moves: list[str]) -> None:
    """Against a model: the key's open holds, and those that were lifted, in six seconds or more."""
    key = StopKey(ACTOR, "/p", str(uuid.uuid4()), "firm", Kind.PAUSE, None)
    now = [0]
    away = Away(lambda: now[0])
    still_open: set[uuid.UUID] = set()
    over: set[uuid.UUID] = set()
    for move in moves:
        if move == "lift":
            for ident in still_open:
                lifted(ident)
            over |= still_open
            still_open = set()
            now[0] += 6_000_000_000
            continue
        known = known_under(key, away=away).hold_id if move == "place" else away.place(key)
        assert known is not None
        assert known not in over
        assert known in still_open or move == "place-away" or not still_open
        if known not in still_open:
            new_hold(Kind.PAUSE, "firm", id=known)
        still_open.add(known)
