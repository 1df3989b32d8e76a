"""When a receipt is complete, and what it lacks."""

import dataclasses

import pytest

from console.cli.following import given_up, missing
from console.cli.receipts import Shown
from console.cli.stops import unproven_lines
from riskctl.holds import HoldFact, Kind, Mode

KILL = HoldFact(
    id="00000000-0000-4000-8000-000000000001", scope="firm", kind=Kind.KILL, mode=Mode.HALTED,
    cancels=True, protective_too=False, reason="", placed_by="shell:root", actor_kind="person",
    placed_wall_ns=1,
)  # fmt: skip
PAUSE = dataclasses.replace(KILL, kind=Kind.PAUSE, cancels=False)
REDUCING = dataclasses.replace(PAUSE, kind=Kind.REDUCE_ONLY, mode=Mode.REDUCE_ONLY)
TWO = ("paper-1", "paper-2")


def step(name: str, account: str = "") -> Shown:
    return Shown(f"{name} {account}", name, account, "", {}, "", None)


EFFECTIVE = step("effective")
NONE_OPEN = [step("none-open", one) for one in TWO]


@pytest.mark.parametrize(
    ("hold", "steps", "flattens", "lacks"),
    [
        (PAUSE, [], False, ["effective"]),
        (PAUSE, [EFFECTIVE], False, []),
        (KILL, [EFFECTIVE], False, ["none-open of paper-1", "none-open of paper-2"]),
        (REDUCING, [EFFECTIVE, NONE_OPEN[0]], False, ["none-open of paper-2"]),
        (KILL, [*NONE_OPEN], False, ["effective"]),
        (KILL, [EFFECTIVE, *NONE_OPEN], False, []),
        (KILL, [EFFECTIVE, *NONE_OPEN, step("flat", "paper-2")], True, ["flat of paper-1"]),
        (KILL, [EFFECTIVE, *NONE_OPEN, *(step("flat", one) for one in TWO)], True, []),
    ],
)
def test_what_is_missing(
    hold: HoldFact, steps: list[Shown], flattens: bool, lacks: list[str]
) -> None:
    assert missing(hold, steps, TWO, flattens=flattens) == lacks


def test_what_is_not_proven_is_named_with_its_deadline() -> None:
    known, unknown = unproven_lines([("paper-1", "timed out", 480), ("paper-2", "away", -1)])
    assert known == "paper-1: not proven yet (timed out); in 480 ms at the latest"
    assert unknown == "paper-2: not proven yet (away); when it will be, nobody can say"


def test_flattening_that_ended_is_not_flat_and_is_not_waited_for() -> None:
    steps = [EFFECTIVE, *NONE_OPEN, step("flat", "paper-1"), step("flatten-ended", "paper-2")]
    lacks = missing(KILL, steps, TWO, flattens=True)
    assert lacks == ["flat of paper-2"]
    assert set(lacks) <= given_up(steps)
