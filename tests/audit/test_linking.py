"""What leads from one entry to another, and what an entry says changed."""

from typing import Any

import pytest

from audit.differing import Change, changes
from audit.linking import CORRELATION, REQUEST, Facts, Key, keys_of

HOLD, ASKED = "0d9c6f2e-55a1-4c7e-9a53-0a5bd6d3c9f1", "1e9c6f2e-55a1-4c7e-9a53-0a5bd6d3c9f2"


def keys(**facts: Any) -> set[Key]:
    given: dict[str, Any] = {
        "object_kind": "limit", "object_id": "firm", "correlation_id": "", "request_id": "",
        "body": {}, **facts,
    }  # fmt: skip
    return set(keys_of(Facts(**given)))


OF_HOLD = {Key("hold", HOLD), Key(CORRELATION, HOLD), Key("approval", f"hold:{HOLD}")}


@pytest.mark.parametrize(
    ("facts", "leads_to"),
    [
        ({}, set()),
        ({"correlation_id": "sig-1"}, {Key(CORRELATION, "sig-1")}),
        ({"request_id": "click"}, {Key(REQUEST, "click")}),
        ({"object_kind": "hold", "object_id": HOLD}, OF_HOLD),
        ({"object_kind": "order", "object_id": "paper-1.7"}, {Key("order", "paper-1.7")}),
        ({"object_kind": "strategy", "object_id": "mom-eurusd"}, set()),
        ({"object_kind": "user", "object_id": "ada.nwosu"}, set()),
        ({"body": {"after": {"subject": f"hold:{HOLD}"}}}, OF_HOLD),
        ({"body": {"after": {"subject": "strategy:mom-eurusd"}}}, set()),
        ({"body": {"after": {"approval": ASKED}}},
         {Key("approval", ASKED), Key(CORRELATION, ASKED)}),
        ({"body": {"after": {"order": "paper-1.7"}}}, {Key("order", "paper-1.7")}),
        ({"body": {"after": {"request": {"hold": HOLD}}}}, OF_HOLD),
        ({"body": {"before": {"hold": HOLD}}}, OF_HOLD),
        ({"body": {"after": {"hold": None, "approval": 7, "request": "text"}}}, set()),
        ({"body": {"after": None}}, set()),
    ],
)  # fmt: skip
def test_an_entry_leads_on(facts: dict[str, Any], leads_to: set[Key]) -> None:
    assert keys(**facts) == leads_to


def test_a_difference_is_by_leaf_and_says_what_stayed() -> None:
    before: dict[str, Any] = {"value": "2", "kind": "gross", "rung": None, "binds": []}
    after = {"value": "1", "kind": "gross", "by": {"name": "ada", "roles": ["risk", "sre"]}}
    found = changes(before, after)
    assert found == [
        Change("binds", "none", None),
        Change("by name", None, "ada"),
        Change("by roles", None, "risk, sre"),
        Change("kind", "gross", "gross"),
        Change("rung", "none", None),
        Change("value", "2", "1"),
    ]
    assert [one.name for one in found if not one.changed] == ["kind"]


def test_lists_of_things_are_taken_apart() -> None:
    after = {"conditions": [{"name": "feed", "met": True}, {"name": "flat", "met": False}]}
    assert changes(None, after) == [
        Change("conditions 1 met", None, "yes"),
        Change("conditions 1 name", None, "feed"),
        Change("conditions 2 met", None, "no"),
        Change("conditions 2 name", None, "flat"),
    ]


@pytest.mark.parametrize("value", [None, {}])
def test_nothing_differs_from_nothing(value: dict[str, Any] | None) -> None:
    assert changes(value, value) == []


def test_what_is_empty_is_said() -> None:
    assert changes({"reason": ""}, {"reason": {}}) == [Change("reason", "empty", "none")]
