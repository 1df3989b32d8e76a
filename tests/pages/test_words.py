"""What is said of holds and their receipts: the same by server and page, a tick for proof alone."""

import datetime as dt
from decimal import Decimal

import pytest

from console.pages import viewer, words
from console.pages.band import band_of, dead_man_words
from console.pages.desk import action_of, hold_words
from console.pages.frames import (
    DeadManLine,
    DeskFrame,
    FeedHead,
    Firm,
    HoldLine,
    StageLine,
    StrategyLine,
    Totals,
)
from console.pages.receipt import (
    DONE,
    NOT_ORDERED,
    PENDING,
    UNPROVEN,
    Known,
    Receipt,
    StepFact,
    Unproven,
    receipt_of,
)
from console.pages.series import gapped
from riskctl.actors import Actor
from riskctl.holds import RULES, HoldFact, Kind, Mode

NOW = dt.datetime(2026, 11, 26, 16, 2, 10, 412_000, tzinfo=dt.UTC)


def ms(after: float) -> dt.datetime:
    return NOW + dt.timedelta(milliseconds=after)


def fact(kind: Kind = Kind.KILL, **changes: object) -> HoldFact:
    values: dict[str, object] = {
        "id": "h1", "scope": "firm", "kind": kind, "mode": RULES[kind].mode,
        "cancels": RULES[kind].cancels, "protective_too": False, "reason": "crossing",
        "placed_by": "ada.nwosu", "actor_kind": "person", "placed_wall_ns": 0,
    }  # fmt: skip
    return HoldFact(**{**values, **changes})  # type: ignore[arg-type]


PROVEN = [
    StepFact("acknowledged", "paper-1", ms(1.4), {"lag_us": 500}),
    StepFact("acknowledged", "paper-2", ms(1.4), {"lag_us": 900}),
    StepFact("effective", "", ms(1.4), {"latched_us": 600, "effective_us": 1400, "in_flight": []}),
]


def known(*steps: StepFact, hold: HoldFact | None = None, **changes: object) -> Known:
    values: dict[str, object] = {
        "hold": hold or fact(), "placed_at": NOW, "recorded_at": ms(1.1), "steps": steps,
        "accounts": ["paper-1", "paper-2"], "open_orders": 0, "positions_open": 17,
    }  # fmt: skip
    return Known(**{**values, **changes})  # type: ignore[arg-type]


def states(receipt: Receipt) -> list[str]:
    return [one.state for one in receipt.marks]


def test_nothing_is_ticked_that_was_merely_sent() -> None:
    receipt = receipt_of(known(unproven=[Unproven("paper-2", "no answer in time", "in 480 ms")]))
    assert states(receipt) == [DONE, DONE, UNPROVEN, PENDING, PENDING, PENDING, NOT_ORDERED]
    assert receipt.marks[2].text == "waits for paper-2"
    assert not receipt.effective
    assert receipt.headline == "Latched, not effective yet."


def test_gateways_that_have_proven_nothing_are_named_from_the_record_too() -> None:
    receipt = receipt_of(known(PROVEN[0]))
    assert [one.account for one in receipt.unproven] == ["paper-2"]
    assert receipt.marks[3].figure == "1 of 2"


def test_effective_has_its_time_and_what_was_in_flight() -> None:
    effective = receipt_of(known(*PROVEN)).marks[2]
    assert (effective.state, effective.figure, effective.at) == (DONE, "+1.4 ms", "16:02:10.413")
    flying = StepFact("effective", "", ms(2), {"in_flight": ["a", "b", "c", "d"]})
    assert receipt_of(known(flying)).marks[2].text == (
        "in flight, may still be accepted: a, b, c and 1 more"
    )


def test_cancels_count_what_is_confirmed_of_all_there_were() -> None:
    done = [StepFact("cancel-confirmed", "paper-1", ms(9), {"order": f"o{n}"}) for n in range(3)]
    mark = receipt_of(known(*PROVEN, *done, open_orders=1)).marks[4]
    assert (mark.state, mark.figure, mark.part) == (PENDING, "3 of 4", 75)
    assert receipt_of(known(*PROVEN, *done)).marks[4].state == DONE
    unread = receipt_of(known(*PROVEN, *done, open_orders=None)).marks[4]
    assert (unread.state, unread.figure) == (PENDING, "3")


def test_a_pause_cancels_nothing_and_says_so() -> None:
    receipt = receipt_of(known(*PROVEN, hold=fact(Kind.PAUSE)))
    assert states(receipt)[4:] == [NOT_ORDERED] * 3
    assert receipt.complete


def test_none_open_is_proven_when_every_account_is() -> None:
    one = StepFact("none-open", "paper-1", ms(600))
    mark = receipt_of(known(*PROVEN, one)).marks[5]
    assert (mark.state, mark.figure, mark.text) == (PENDING, "1 of 2 accounts", "waits for paper-2")
    both = receipt_of(known(*PROVEN, one, StepFact("none-open", "paper-2", ms(700))))
    assert (both.marks[5].state, both.marks[5].figure) == (DONE, "+700 ms")
    assert both.headline == "Effective. Everything is proven."


def test_flat_is_said_when_proven_and_what_cannot_be_closed_is_named() -> None:
    ordered = known(*PROVEN, flatten_ordered=True)
    assert receipt_of(ordered).marks[6].state == PENDING
    stuck = StepFact("unclosable", "paper-1", ms(9), {"positions": [{"symbol": "X", "why": "odd"}]})
    assert receipt_of(known(*PROVEN, stuck)).marks[6].text == "X: odd"
    flat = [StepFact("flat", name, ms(900)) for name in ("paper-1", "paper-2")]
    assert receipt_of(known(*PROVEN, *flat)).marks[6].state == DONE
    ended = StepFact("flatten-ended", "paper-1", ms(9), {"why": "its hold was lifted"})
    assert receipt_of(known(*PROVEN, flat[0], ended)).marks[6].text == "its hold was lifted"


def test_a_receipt_never_goes_back() -> None:
    ranks = [receipt_of(known(*PROVEN[:count])).rank for count in range(4)]
    assert ranks == sorted(ranks)
    assert ranks[3] > 100 > ranks[2]


# Who may ----------------------------------------------------------------------------------------

MERCY = Actor("person", "mercy.okafor", frozenset({"trader"}), frozenset({"mom"}))
TOMAS = Actor("person", "tomas.brandt", frozenset({"trader"}), frozenset({"mr"}))
ADA = Actor("person", "ada.nwosu", frozenset({"risk"}))


def hold(kind: str = "pause", by: str = "mercy.okafor", **changes: object) -> HoldLine:
    values: dict[str, object] = {
        "id": "h1", "scope": "strategy:mom", "kind": kind, "mode": "HALTED", "own": True,
        "reason": "crossing", "by": by, "by_person": True, "since": NOW, "effective_at": NOW,
    }  # fmt: skip
    return HoldLine(**{**values, **changes})  # type: ignore[arg-type]


def line(*holds: HoldLine, **changes: object) -> StrategyLine:
    values: dict[str, object] = {
        "key": "mom", "kind": "momentum", "owner": "mercy.okafor", "account": "paper-1",
        "holds": list(holds), "mode": "HALTED" if holds else "ACTIVE",
    }  # fmt: skip
    return StrategyLine(**{**values, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "by", "actor", "word"),
    [
        ("pause", "mercy.okafor", MERCY, "Resume…"),
        ("pause", "ada.nwosu", MERCY, ""),
        ("pause", "mercy.okafor", TOMAS, ""),
        ("pause", "mercy.okafor", ADA, "Resume…"),
        ("kill", "ada.nwosu", MERCY, "Ask to resume…"),
        ("kill", "ada.nwosu", TOMAS, ""),
        ("breaker", "volatility", ADA, "Resume…"),
        ("breaker", "volatility", MERCY, ""),
    ],
)
def test_resume_is_offered_to_who_may(kind: str, by: str, actor: Actor, word: str) -> None:
    action = action_of(line(hold(kind, by)), actor)
    assert action.word == word
    assert action.who


def test_kill_stays_and_pause_goes_where_one_lies_already() -> None:
    assert action_of(line(), MERCY).pause
    held = action_of(line(hold()), MERCY)
    assert (held.pause, held.kill) == (False, True)
    inherited = action_of(line(hold(scope="firm", own=False)), MERCY)
    assert (inherited.pause, inherited.lift) == (True, "")
    assert not action_of(line(), TOMAS).kill


def test_who_may_lift_is_said() -> None:
    way = viewer.lift_way(kind="kill", scope="firm", by="x", by_person=True, actor=TOMAS)
    assert way.who == "two people: a trader, risk or SRE"
    assert viewer.placers_words(Kind.KILL) == "a stop token, its trader, risk or SRE"


def test_why_it_is_held_is_its_own_reason_or_what_lies_above() -> None:
    own = hold_words(line(hold("kill", "ada.nwosu")), {"ada.nwosu": "A. Nwosu"})
    assert (own.text, own.sub) == ("crossing", "kill · A. Nwosu · 16:02")
    above = hold_words(line(hold(scope="firm", own=False), hold(scope="venue:p", own=False)), {})
    assert (above.text, above.sub) == ("by firm pause + 1", "mercy.okafor · 16:02")
    assert hold_words(line(), {}).text == "none"


# The band ---------------------------------------------------------------------------------------


def frame(firm: Firm, *lines: StrategyLine, dead_man: DeadManLine | None = None) -> DeskFrame:
    return DeskFrame("desk", 1, NOW, FeedHead(), Totals(), list(lines), firm=firm,
                     dead_man=dead_man)  # fmt: skip


def test_the_band_says_what_holds_the_firm_and_whether_it_is_proven() -> None:
    firm = Firm("HALTED", "", 5, 0, hold("kill", scope="firm"))
    band = band_of(frame(firm, line(state="HALTED")), [line(state="HALTED")], NOW)
    assert (band.state, band.sub) == ("HALTED", "Effective 16:02:10 · kill · 5 holds")
    firm = Firm("HALTED", "", 1, 0, hold("kill", scope="firm", effective_at=None))
    assert band_of(frame(firm), [], NOW).sub == "Latched, not proven · kill · 1 hold"


def test_the_band_counts_holds_and_the_line_is_in_words() -> None:
    held = line(hold(), state="HALTED", own=True)
    quiet = line(key="b", state="ACTIVE", stage=StageLine("monitor", Decimal(1), NOW))
    one = frame(Firm("ACTIVE", "", 1, 1), held, quiet)
    band = band_of(one, [held, quiet], NOW)
    assert band.sub == "1 hold open on 1 of 2 strategies"
    assert band.line_label == "2 strategies: 1 active, 1 halted"
    assert [(seg.own, seg.quiet) for seg in band.segments] == [(True, False), (False, True)]


def test_the_dead_man_warns_half_an_hour_before() -> None:
    def said(left_min: float) -> DeadManLine:
        until = NOW + dt.timedelta(minutes=left_min)
        return DeadManLine("armed", NOW, "ada", until - dt.timedelta(minutes=30), until)

    assert dead_man_words(said(84), NOW, {}).figure == "1:24:00"
    assert dead_man_words(said(84), NOW, {}).head == ""
    assert dead_man_words(said(24), NOW, {}).head == "Dead man’s switch: 0:24:00 left."
    assert "has run out" in dead_man_words(said(-1), NOW, {}).head
    assert "not armed" in dead_man_words(DeadManLine(), NOW, {}).head
    assert dead_man_words(None, NOW, {}).head == ""


def test_words_for_scopes_rungs_and_roles() -> None:
    assert words.scope_words("strategy:mom") == "Strategy mom"
    assert words.rung_words("ramp", "0.2500") == "Ramp 25 %"
    assert words.roles_words({"risk"}) == "risk"
    assert set(words.KIND_WORDS) == set(words.GLYPHS) == {str(one) for one in Kind}
    assert set(words.STATES) == {str(one) for one in Mode} | {"UNKNOWN"}


def test_the_line_ends_where_nothing_was_known() -> None:
    points = [(float(at), float(at)) for at in (0, 5, 10, 600, 605)]
    assert gapped(points, 5) == [*points[:3], (15.0, None), *points[3:]]
    assert gapped(points[:1], 5) == points[:1]
    assert gapped([], 5) == []
