"""States, digest and voidness of a request, without a database."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.canonical import NotCanonicalError
from riskctl.approvals.rules import TRANSITIONS, Event, State, changes, digest_of, next_state

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
BODY = st.dictionaries(st.text(max_size=5), JSON, max_size=4)


def digest(request: object = None, asked_in: object = None, subject: str = "x:1") -> str:
    return digest_of(
        kind="k",
        subject=subject,
        request=request or {},  # type: ignore[arg-type]
        asked_in=asked_in or {},  # type: ignore[arg-type]
    )


def test_a_request_is_decided_once() -> None:
    assert {state for state, _ in TRANSITIONS} == {State.PENDING}
    for event in Event:
        assert next_state(State.PENDING, event) is not None
        for state in set(State) - {State.PENDING}:
            assert next_state(state, event) is None
    assert len(set(TRANSITIONS.values())) == len(TRANSITIONS)


@given(BODY, BODY)
def test_the_digest_is_of_what_is_said_not_of_how_it_is_ordered(one: dict, two: dict) -> None:  # type: ignore[type-arg]
    turned = dict(reversed(list(one.items())))
    assert digest(one, two) == digest(turned, two)
    assert len(digest(one, two)) == 64
    if one != two and (one or two):
        assert digest(one, two) != digest(two, one)


def test_every_part_counts_in_the_digest() -> None:
    base = digest({"a": 1}, {"b": 2})
    assert len({base, digest({"a": 2}, {"b": 2}), digest({"a": 1}, {"b": 3})}) == 3
    assert base != digest({"a": 1}, {"b": 2}, subject="x:2")
    with pytest.raises(NotCanonicalError, match=r"\$\.request\.a: float"):
        digest({"a": 0.1})


def test_only_the_parts_it_rests_on_make_it_void_and_it_says_which() -> None:
    asked = {
        "quantities": {"p": {"EURUSD": "100"}},
        "limits": {"firm": {"gross": "5"}},
        "breaks": [],
    }
    now = {"quantities": {"p": {"EURUSD": "50", "GOLD": "1"}}, "limits": asked["limits"],
           "breaks": [str(uuid.uuid4())]}  # fmt: skip
    binds = frozenset({"quantities", "limits"})
    assert changes(asked, now, binds) == [
        "quantities p EURUSD was 100, is 50",
        "quantities p GOLD was not there, is 1",
    ]
    assert changes(asked, {**asked, "breaks": ["other"]}, binds) == []
    assert changes(asked, {**asked, "limits": {}}, binds) == [
        "limits firm was {'gross': '5'}, is not there"
    ]
