"""Every action that the code records has words, and words say what an entry is about."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from audit.families import GROUPS, family_of
from audit.models import ActorKind, Outcome
from console.pages.auditwords import (
    ACTION_WORDS,
    ACTOR_WORDS,
    GROUP_WORDS,
    OUTCOME_WORDS,
    action_words,
    glyph_of,
    object_words,
    said_words,
)
from riskctl.approvals.rules import Event
from trading.orders.states import OrderEvent

PROJECT = Path(__file__).resolve().parents[2]
WRITERS = {"record", "entry_row", "recorded", "refusals_recorded", "sign_in_recorded", "_note",
           "_save", "_given", "_record", "set_up"}  # fmt: skip
HOLD = "0d9c6f2e-55a1-4c7e-9a53-0a5bd6d3c9f1"


def literals() -> Iterator[str]:
    """Texts of the form of an action in calls of what writes entries."""
    for room in ("audit", "riskctl", "trading", "workers", "console"):
        for path in (PROJECT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and _name(node.func) in WRITERS:
                    given = [*node.args[:1], *(k.value for k in node.keywords if k.arg == "action")]
                    for inner in (one for part in given for one in ast.walk(part)):
                        if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
                            yield inner.value


def _name(func: ast.expr) -> str:
    return func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")


def test_every_action_of_the_code_has_words() -> None:
    families = {family_of(one) for one in ACTION_WORDS}
    found = {one for one in literals() if "." in one[1:-1] and " " not in one}
    assert len(found) > 50  # it finds them
    assert {one for one in found if family_of(one) in families} - ACTION_WORDS.keys() == set()
    assert {one for one in found if family_of(one) not in families} == set()
    events = {f"order.{one}" for one in OrderEvent}
    decisions = {f"approval.{one}" for one in Event}
    assert (events | decisions) - ACTION_WORDS.keys() == set()


def test_every_family_is_in_a_group_and_every_code_has_words() -> None:
    grouped = {family for group in GROUPS.values() for family in group}
    assert {family_of(one) for one in ACTION_WORDS} - grouped == set()
    assert GROUP_WORDS.keys() == GROUPS.keys()
    assert set(ActorKind.values) == ACTOR_WORDS.keys()
    assert set(Outcome.values) == OUTCOME_WORDS.keys()
    assert len(set(GROUP_WORDS.values())) == len(GROUP_WORDS)


@pytest.mark.parametrize(
    ("action", "outcome", "said"),
    [
        ("hold.lift", "done", "Hold lifted"),
        ("hold.lift", "denied", "Lift denied"),
        ("approval.approve", "failed", "Approval failed"),
        ("access.deny", "denied", "Access denied"),
        ("order.deny", "denied", "Order denied"),
        ("some-thing.new", "done", "Some thing new"),
    ],
)
def test_an_action_in_words(action: str, outcome: str, said: str) -> None:
    assert action_words(action, outcome) == said


KILL = {"scope": "strategy:mom-eurusd", "kind": "kill"}


@pytest.mark.parametrize(
    ("kind", "ident", "body", "said"),
    [
        ("hold", HOLD, {"after": KILL}, "kill, Strategy mom-eurusd"),
        ("hold", HOLD, {"before": KILL, "after": {"rungs": {"mom-eurusd": "ramp"}}},
         "kill, Strategy mom-eurusd, back on ramp"),
        ("hold", HOLD, {"after": None}, "hold 0d9c6f2e"),
        ("order", "paper-1.7", {"after": {"side": "buy", "quantity": "10", "symbol": "EURUSD"}},
         "buy 10 EURUSD"),
        ("order", "paper-1.7", {}, "order paper-1.7"),
        ("user", "ada.nwosu", {}, "A. Nwosu"),
        ("user", "no.body", {}, "no.body"),
        ("scope", "firm", {}, "Firm"),
        ("path", "/risk", {}, "/risk"),
        ("approval", HOLD, {"after": {"kind": "hold-lift", "subject": f"hold:{HOLD}"}},
         "hold-lift hold 0d9c6f2e"),
        ("approval", HOLD, {}, "approval 0d9c6f2e"),
    ],
)  # fmt: skip
def test_an_object_in_words(kind: str, ident: str, body: dict[str, Any], said: str) -> None:
    assert object_words(kind, ident, body, {"ada.nwosu": "A. Nwosu"}) == said


@pytest.mark.parametrize(
    ("action", "body", "reason", "said"),
    [
        ("hold.lift", {}, "mended", "mended"),
        ("access.deny", {"after": {"method": "GET", "code": "forbidden"}}, "forbidden",
         "GET refused: forbidden"),
        ("order.accept", {"after": {"state": "working", "filled": "0", "quantity": "24"}}, "",
         "working, 0 of 24"),
        ("fill.book", {"after": {"price": "1.1", "fee": "0.2"}}, "", "at 1.1, fee 0.2"),
        ("hold.none-open", {"after": {"account": "paper-1"}}, "", "paper-1"),
        ("stage.enter", {}, "", ""),
    ],
)  # fmt: skip
def test_the_second_line(action: str, body: dict[str, Any], reason: str, said: str) -> None:
    assert said_words(action, body, reason) == said


def test_every_glyph_is_in_the_sprite() -> None:
    sprite = (PROJECT / "templates/parts/sprite.html").read_text()
    for action in ACTION_WORDS:
        for outcome in Outcome.values:
            glyph, tone = glyph_of(action, outcome)
            assert f'id="g-{glyph}"' in sprite
            assert tone in ("", "caution", "halt")
