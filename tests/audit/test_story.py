"""One story from the click to the fills: by correlation, by object, by what bodies name."""

from collections.abc import Collection, Iterable
from itertools import pairwise
from typing import Any

import pytest

from audit import story
from audit.families import OF_PEOPLE
from audit.linking import Key
from audit.models import Entry
from audit.story import followed_read, story_read, strategies_resumed
from tests.audit.entries import at, new_entry, new_id

pytestmark = pytest.mark.django_db

GATEWAY: dict[str, Any] = {"actor_kind": "process", "actor": "gateway:paper-1#3"}


class Killed:
    """A strategy that a trigger killed, and that two people brought back, as the desk writes it."""

    def __init__(self) -> None:
        self.hold, self.refused, self.asked, self.limits = (new_id() for _ in range(4))
        hold = {"object_kind": "hold", "object_id": self.hold}
        new_entry("trigger.breach", 0, actor_kind="trigger", actor="loss", object_kind="scope",
                  object_id="strategy:mom", correlation_id=self.hold)  # fmt: skip
        new_entry("hold.place", 1, actor_kind="trigger", actor="loss", correlation_id=self.hold,
                  after={"scope": "strategy:mom", "kind": "kill"}, **hold)  # fmt: skip
        new_entry("order.last-fill", 2, object_kind="order", object_id="paper-1.w1",
                  correlation_id=self.hold, on_behalf_of="mom", **GATEWAY)  # fmt: skip
        new_entry("fill.book", 2, object_kind="fill", object_id="paper-1/8",
                  correlation_id=self.hold, after={"order": "paper-1.w1"}, **GATEWAY)  # fmt: skip
        new_entry("hold.effective", 3, correlation_id=self.hold, **GATEWAY, **hold)
        new_entry("hold.lift", 4, outcome="denied", reason="let me", request_id="click-1", **hold)
        new_entry("access.deny", 4.1, outcome="denied", object_kind="path",
                  object_id=f"/holds/{self.hold}/lift", request_id="click-1")  # fmt: skip
        new_entry("approval.request", 5, outcome="denied", object_kind="approval",
                  object_id=f"hold:{self.hold}")  # fmt: skip
        self._approval("request", self.limits, 6, "limit:strategy:mom/order-notional")
        new_entry("limit.raise", 7, correlation_id=self.limits)
        self._approval("request", self.refused, 8, f"hold:{self.hold}")
        self._approval("reject", self.refused, 9, f"hold:{self.hold}")
        self._approval("request", self.asked, 10, f"hold:{self.hold}",
                       request={"hold": self.hold, "limits_approval": self.limits})  # fmt: skip
        new_entry("approval.approve", 11, outcome="denied", object_kind="approval",
                  object_id=self.asked)  # fmt: skip
        new_entry("stage.enter", 12, object_kind="strategy", object_id="mom",
                  correlation_id=self.asked, after={"rung": "ramp"})  # fmt: skip
        new_entry("hold.lift", 12, correlation_id=self.asked, **hold,
                  before={"scope": "strategy:mom"},
                  after={"hold": self.hold, "approval": self.asked, "rungs": {"mom": "ramp"}},
                  )  # fmt: skip
        self._approval("execute", self.asked, 12, f"hold:{self.hold}", result={"hold": self.hold})
        for number, strategy in ((13, "mom"), (14, "other"), (15, "mom")):
            new_entry("order.accept", number, object_kind="order", object_id=f"paper-1.{number}",
                      correlation_id=f"sig-{number}", on_behalf_of=strategy, **GATEWAY)  # fmt: skip
        new_entry("fill.book", 16, object_kind="fill", object_id="paper-1/9", on_behalf_of="mom",
                  correlation_id="sig-15", after={"order": "paper-1.15"}, **GATEWAY)  # fmt: skip
        new_entry("hold.place", 17, object_kind="hold", object_id=new_id(), request_id="click-2")

    @staticmethod
    def _approval(what: str, ident: str, seconds: float, subject: str, **after: Any) -> None:
        new_entry(f"approval.{what}", seconds, object_kind="approval", object_id=ident,
                  correlation_id=ident, after={"subject": subject, **after})  # fmt: skip

    def requests(self, keys: Collection[Key]) -> Iterable[Key]:
        """As the requests' own table knows it: which ask for a hold's lift."""
        if Key("hold", self.hold) in keys:
            yield Key("approval", self.refused)


WHOLE = [
    "trigger.breach", "hold.place", "order.last-fill", "fill.book", "hold.effective", "hold.lift",
    "access.deny", "approval.request", "approval.request", "limit.raise", "approval.request",
    "approval.reject", "approval.request", "approval.approve", "stage.enter", "hold.lift",
    "approval.execute",
]  # fmt: skip


def told(entries: Iterable[Entry]) -> list[str]:
    return [one.action for one in entries]


@pytest.mark.parametrize("start", ["hold", "refused", "asked", "limits"])
def test_it_is_the_same_story_wherever_it_is_entered(start: str) -> None:
    killed = Killed()
    found = story_read(getattr(killed, start), elsewhere=killed.requests)
    if start == "limits":  # nothing of a limit says what it was raised for
        assert told(found.entries) == ["approval.request", "limit.raise"]
        return
    assert sorted(told(found.entries)) == sorted(WHOLE)
    assert found.whole
    moments = [one.happened_at for one in found.entries]
    assert moments == sorted(moments)


def test_a_refused_click_leads_to_what_it_was_about() -> None:
    killed = Killed()
    found = story_read("click-1", elsewhere=killed.requests)
    assert sorted(told(found.entries)) == sorted(WHOLE)


def test_what_came_back_is_followed_to_its_fills() -> None:
    killed = Killed()
    found = story_read(killed.hold)
    back = strategies_resumed(found)
    assert back == {"mom": at(12)}
    after = followed_read(back, at(12))
    assert [one.object_id for one in after] == ["paper-1.13", "paper-1.15", "paper-1/9"]
    assert followed_read([], at(0)) == []
    assert followed_read(back, at(12), families=OF_PEOPLE) == []


def test_from_a_signal_to_its_fill() -> None:
    Killed()
    found = story_read("sig-15")
    assert told(found.entries) == ["order.accept", "fill.book"]
    assert told(story_read("paper-1.15").entries) == ["order.accept", "fill.book"]
    assert told(story_read("paper-1/9").entries) == ["order.accept", "fill.book"]
    assert strategies_resumed(found) == {}


def test_only_what_the_reader_may_see_is_told_and_leads_on() -> None:
    killed = Killed()
    assert told(story_read("click-1", families=OF_PEOPLE).entries) == ["access.deny"]
    assert story_read(killed.hold, families=OF_PEOPLE).entries == ()


@pytest.mark.parametrize(
    "ident", ["", "nothing", "' OR 1=1 --", "0b5b9f0e-4c0e-4b6e-9b8e-6a1f7c2d3e4f"]
)
def test_of_nothing_there_is_no_story(ident: str) -> None:
    new_entry("limit.raise")  # of no correlation and no request
    found = story_read(ident)
    assert found.entries == ()
    assert found.whole


def test_an_id_that_many_requests_share_is_none() -> None:
    hold = new_id()
    for number in range(story.REQUEST_MOST):
        new_entry("hold.place", number, request_id="curl", object_id=str(number))
    assert len(story_read("curl").entries) == story.REQUEST_MOST
    new_entry("hold.place", 50, request_id="curl", object_kind="hold", object_id=hold,
              correlation_id=hold)  # fmt: skip
    assert told(story_read("curl").entries) == []
    assert told(story_read(hold).entries) == ["hold.place"]


def test_a_long_story_is_told_in_part_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(story, "MANY_MOST", 3)
    monkeypatch.setattr(story, "ENTRIES_MOST", 4)
    hold = new_id()
    for number in range(5):
        new_entry("order.cancel", number, correlation_id=hold, object_kind="order",
                  object_id=f"o{number % 2}")  # fmt: skip
    new_entry("hold.lift", 9, correlation_id=hold, object_kind="hold", object_id=hold)
    found = story_read(hold)
    assert "hold.lift" in told(found.entries)  # many orders hide nothing of what people did
    assert not found.whole


def test_many_orders_do_not_stand_before_what_people_did(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(story, "KEYS_MOST", 12)
    killed = Killed()
    for number in range(30):
        new_entry("fill.book", 2, object_kind="fill", object_id=f"paper-1/x{number}",
                  correlation_id=killed.hold, after={"order": f"o{number}"})  # fmt: skip
    found = story_read(killed.hold, elsewhere=killed.requests)
    assert set(WHOLE) <= set(told(found.entries))


def test_a_chain_without_end_is_left_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(story, "ROUNDS", 3)
    ids = [new_id() for _ in range(6)]
    for number, (one, following) in enumerate(pairwise(ids)):
        new_entry("hold.place", number, object_kind="hold", object_id=one,
                  after={"approval": following, "hold": following})  # fmt: skip
    found = story_read(ids[0])
    assert [one.object_id for one in found.entries] == ids[:3]
    assert not found.whole
