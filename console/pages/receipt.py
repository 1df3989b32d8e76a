"""A hold's receipt in words: what is proven, when, and what is not. Pure.

A tick is for what is proven, never for what was sent. Times are those of the steps.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from console.pages import formats
from riskctl.holds import HoldFact, Mode

DONE, PENDING, NOT_ORDERED, UNPROVEN = "done", "pending", "not-ordered", "unproven"
PROOFS = ("acknowledged", "dead", "expired")
PROOF_WORDS = {
    "acknowledged": "acknowledged",
    "dead": "proven dead",
    "expired": "licence and last order ran out",
}


@dataclass(frozen=True)
class StepFact:
    """One signed step as it is kept."""

    name: str
    account: str
    at: dt.datetime
    facts: Mapping[str, Any] = field(default_factory=dict)
    key_id: str = ""


@dataclass(frozen=True)
class Unproven:
    """A gateway that has proven nothing yet; ``deadline``: when it is proven at the latest."""

    account: str
    why: str
    deadline: str = ""


@dataclass(frozen=True)
class Mark:
    """One line of the receipt."""

    name: str
    state: str
    figure: str
    text: str
    at: str = ""
    part: int | None = None
    """Percent, where it is drawn as a bar."""


@dataclass(frozen=True)
class Proven:
    """One gateway's proof."""

    account: str
    how: str
    took: str


@dataclass(frozen=True)
class Known:
    """What is known of a hold. ``recorded_at`` None: the database does not have it yet.

    ``accounts``: whose gateways must each prove. ``open_orders``: in its scope and to be cancelled,
    as the books have them now; None: not known.
    """

    hold: HoldFact
    placed_at: dt.datetime
    recorded_at: dt.datetime | None
    steps: Sequence[StepFact]
    accounts: Sequence[str]
    open_orders: int | None = None
    unproven: Sequence[Unproven] = ()
    flatten_ordered: bool = False
    positions_open: int | None = None
    by: str = ""
    lifted: bool = False


@dataclass(frozen=True)
class Receipt:
    """``rank`` grows with what is proven: a page never goes back behind what it has shown."""

    marks: list[Mark]
    proofs: list[Proven]
    unproven: Sequence[Unproven]
    effective: bool
    complete: bool
    rank: int
    headline: str
    keys: list[str]


def receipt_of(known: Known) -> Receipt:
    """The receipt as of what is known."""
    by_name: dict[str, list[StepFact]] = defaultdict(list)
    for step in known.steps:
        by_name[step.name].append(step)
    effective = next(iter(by_name["effective"]), None)
    proofs = _proofs(by_name)
    unproven = _unproven(known, proofs, effective)
    marks = [
        Mark("Decided", DONE, formats.precise(known.placed_at), known.by or known.hold.placed_by),
        _latched(known, effective),
        _effective(known, effective, unproven),
        _gateways(known, proofs, effective),
        _cancels(known, by_name),
        _none_open(known, by_name),
        _flat(known, by_name),
    ]
    return Receipt(
        marks=marks,
        proofs=proofs,
        unproven=unproven,
        effective=effective is not None,
        complete=all(one.state in (DONE, NOT_ORDERED) for one in marks),
        rank=100 * (effective is not None) + len(known.steps),
        headline=_headline(marks, effective),
        keys=sorted({one.key_id for one in known.steps if one.key_id}),
    )


def after(placed_at: dt.datetime, at: dt.datetime) -> str:
    """``+1.4 ms``, ``+2.30 s``: how long after the decision."""
    us = max(0, (at - placed_at) // dt.timedelta(microseconds=1))
    return f"+{formats.latency(us)}"


def _latched(known: Known, effective: StepFact | None) -> Mark:
    us = effective.facts.get("latched_us") if effective else None
    if isinstance(us, int) and us >= 0:
        at = known.placed_at + dt.timedelta(microseconds=us)
    elif known.recorded_at is not None:
        at = known.recorded_at
    else:
        text = "kept by gateways or on disk; the database does not have it yet"
        return Mark("Latched", DONE, "", text)
    text = "nobody who knows it forgets it"
    text += "" if known.recorded_at else "; the database does not have it yet"
    return Mark("Latched", DONE, after(known.placed_at, at), text, formats.precise(at))


def _effective(known: Known, effective: StepFact | None, unproven: Sequence[Unproven]) -> Mark:
    if effective is None:
        names = ", ".join(one.account for one in unproven) or "gateways"
        return Mark("Effective", UNPROVEN if unproven else PENDING, "not yet", f"waits for {names}")
    flying = effective.facts.get("in_flight") or []
    count = len(flying)
    text = "no venue can accept a new order; in flight: none"
    if count:
        text = f"in flight, may still be accepted: {', '.join(map(str, flying[:3]))}"
        text += f" and {count - 3} more" if count > 3 else ""
    return Mark(
        "Effective", DONE, after(known.placed_at, effective.at), text,
        formats.precise(effective.at),
    )  # fmt: skip


def _proofs(by_name: Mapping[str, Sequence[StepFact]]) -> list[Proven]:
    found: dict[str, Proven] = {}
    for how in PROOFS:
        for step in by_name.get(how, ()):
            lag = step.facts.get("lag_us")
            took = formats.latency(lag) if isinstance(lag, int) else PROOF_WORDS[how]
            found.setdefault(step.account, Proven(step.account, PROOF_WORDS[how], took))
    return [found[account] for account in sorted(found)]


def _unproven(
    known: Known, proofs: Sequence[Proven], effective: StepFact | None
) -> Sequence[Unproven]:
    if effective is not None or known.lifted:
        return ()
    if known.unproven:
        return known.unproven
    missing = sorted(set(known.accounts) - {one.account for one in proofs})
    return [Unproven(one, "has proven nothing yet") for one in missing]


def _gateways(known: Known, proofs: Sequence[Proven], effective: StepFact | None) -> Mark:
    count = max(len(proofs), len(known.accounts) if effective is None else 0)
    figure = f"{len(proofs)} of {count}"
    if effective is None:
        return Mark("Gateways", PENDING, figure, "each must acknowledge or be proven silent")
    if not count:
        return Mark("Gateways", DONE, "none", "no gateway is registered")
    return Mark("Gateways", DONE, figure, "acknowledged, or proven unable to send")


def _cancels(known: Known, by_name: Mapping[str, Sequence[StepFact]]) -> Mark:
    hold = known.hold
    if not hold.cancels and hold.mode is not Mode.REDUCE_ONLY:
        return Mark("Cancels", NOT_ORDERED, "not ordered", "open orders stay")
    kept = "" if hold.protective_too else "protective stops stay"
    done = len({str(one.facts.get("order")) for one in by_name["cancel-confirmed"]})
    left = known.open_orders
    proven = _swept(known, by_name)
    if left is None and not proven:
        return Mark("Cancels confirmed", PENDING, f"{done}", "open orders are not known")
    total = done + (0 if proven else left or 0)
    if not total:
        return Mark("Cancels confirmed", DONE if proven else PENDING, "none open", kept, part=None)
    names = [str(one) for step in by_name["still-open"][-1:] for one in step.facts["orders"][:3]]
    text = f"still open: {', '.join(names)}" if names and done < total else kept
    state = DONE if done >= total else PENDING
    return Mark("Cancels confirmed", state, f"{done} of {total}", text, part=100 * done // total)


def _swept(known: Known, by_name: Mapping[str, Sequence[StepFact]]) -> bool:
    return bool(known.accounts) and set(known.accounts) <= {
        one.account for one in by_name["none-open"]
    }


def _none_open(known: Known, by_name: Mapping[str, Sequence[StepFact]]) -> Mark:
    hold = known.hold
    if not hold.cancels and hold.mode is not Mode.REDUCE_ONLY:
        return Mark("None open", NOT_ORDERED, "not ordered", "nothing was cancelled")
    read = {one.account: one for one in by_name["none-open"]}
    proven = [one for one in known.accounts if one in read]
    if known.accounts and len(proven) == len(known.accounts):
        at = max(read[one].at for one in proven)
        text = f"the venue was read twice: {', '.join(proven)}"
        return Mark(
            "None open, read twice", DONE, after(known.placed_at, at), text, formats.precise(at)
        )
    left = [one for one in known.accounts if one not in read]
    text = f"waits for {', '.join(left)}" if left else "no account is in its scope"
    state = PENDING if left else NOT_ORDERED
    figure = f"{len(proven)} of {len(known.accounts)} accounts" if left else "none"
    return Mark("None open, read twice", state, figure, text)


def _flat(known: Known, by_name: Mapping[str, Sequence[StepFact]]) -> Mark:
    flat = {one.account: one for one in by_name["flat"]}
    ended = by_name["flatten-ended"]
    stuck = [
        f"{one['symbol']}: {one['why']}"
        for step in by_name["unclosable"][-1:]
        for one in step.facts.get("positions", [])
    ]
    if not (known.flatten_ordered or flat or ended or stuck):
        return Mark("Flat", NOT_ORDERED, "not ordered", _staying(known.positions_open))
    if known.accounts and set(known.accounts) <= set(flat):
        at = max(one.at for one in flat.values())
        text = "positions, orders and fills were read twice"
        return Mark("Flat", DONE, after(known.placed_at, at), text, formats.precise(at))
    if ended:
        return Mark("Flat", UNPROVEN, "ended", str(ended[-1].facts.get("why", "")))
    if stuck:
        return Mark("Flat", UNPROVEN, "cannot close", "; ".join(stuck[:3]))
    text = f"closing by warrant; flat: {', '.join(sorted(flat)) or 'none yet'}"
    return Mark("Flat", PENDING, f"{len(flat)} of {len(known.accounts)} accounts", text)


def _staying(positions: int | None) -> str:
    if positions is None:
        return "positions stay open"
    return "1 position stays open" if positions == 1 else f"{positions} positions stay open"


def _headline(marks: Sequence[Mark], effective: StepFact | None) -> str:
    if effective is None:
        return "Latched, not effective yet."
    left = [one.name.lower() for one in marks if one.state in (PENDING, UNPROVEN)]
    return f"Effective. Pending: {', '.join(left)}." if left else "Effective. Everything is proven."
