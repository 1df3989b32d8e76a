"""Limits, and break-glass: leave that two people give for the night when one is awake."""

from typing import Any

from console.access.matrix.rows import (
    EVERYBODY,
    Caller,
    Row,
    Section,
    form,
    page,
    people,
    read,
    write,
)

RISK = people(Caller.RISK)
THEIRS = people(Caller.OWN, Caller.RISK)
SEEN = people(Caller.OWN, Caller.RISK, Caller.SRE, Caller.COMPLIANCE)
ASKS = people(Caller.RISK, Caller.COMPLIANCE, Caller.ADMIN)
ENDS = people(Caller.RISK, Caller.SRE, Caller.COMPLIANCE, Caller.ADMIN)
REVIEWS = people(Caller.RISK, Caller.SRE, Caller.COMPLIANCE)
HOLDS_AGAIN = people(Caller.OWN, Caller.RISK, Caller.SRE)
ASK_FRESH, GLASS_FRESH = "approval-needs-step-up", "break-glass-needs-step-up"
HIDDEN = "strategy-not-yours scope-not-yours"
NOT_LIMITED = f"limit-not-yours approval-not-your-role {HIDDEN}"
NOT_ROLE = "break-glass-not-your-role"
NOT_ASKED = f"approval-not-your-role {NOT_ROLE}"
NO_TOKEN = "break-glass-tokens-cannot"  # noqa: S105 - a code
NO_ASK = "approval-tokens-cannot"
ONE, GLASS = "/api/limits/{scope}/{kind}", "/api/holds/{hold_id}/break-glass"

LIMITS = Section(
    "Limits",
    "Lower at once; higher by a request that two people decide, risk among them. Lines are those "
    "of a limit of a strategy.",
    (
        read("/api/limits"),
        read("/api/risk-limits"),
        read("/limits"),
        read(ONE, SEEN, refusal=HIDDEN),
        write(ONE, THEIRS, case="lower", refusal=NOT_LIMITED, bearer="limit-not-yours"),
        write(ONE, THEIRS, case="higher: asks", refusal=NOT_LIMITED, step_up=ASK_FRESH,
              bearer=NO_ASK),
        page("/risk/limits"),
        form("/risk/limits/change", THEIRS, case="lower", refusal=NOT_LIMITED),
        form("/risk/limits/change", THEIRS, case="higher: asks", refusal=NOT_LIMITED,
             step_up=ASK_FRESH),
    ),
)  # fmt: skip


TRIGGER = "/api/triggers/{trigger}"
TRIGGERS = Section(
    "Triggers",
    "Tighter at once; looser by a request that two people decide, risk among them.",
    (
        write(TRIGGER, RISK, case="tighter", refusal="trigger-not-allowed",
              bearer="trigger-not-allowed"),
        write(TRIGGER, people(Caller.RISK, Caller.SRE), case="looser: asks",
              refusal="approval-not-your-role", step_up=ASK_FRESH, bearer=NO_ASK),
        page("/risk/triggers/settings"),
        form("/risk/triggers/change", RISK, case="tighter", refusal="trigger-not-allowed"),
        form("/risk/triggers/change", people(Caller.RISK, Caller.SRE), case="looser: asks",
             refusal="approval-not-your-role", step_up=ASK_FRESH),
    ),
)  # fmt: skip


def _review(path: str, face: str) -> tuple[Row, Row]:
    """Keeping what one person lifted takes a fresh factor; holding it again is a stop."""
    send = write if face == "api" else form
    keep: dict[str, Any] = {"bearer": NO_TOKEN} if face == "api" else {}
    again: dict[str, Any] = {}
    if face == "api":
        again = {"tokens": frozenset({"stop"}), "owners": SEEN, "bearer": "hold-not-yours"}
    return (
        send(f"{path}/keep", REVIEWS, refusal=f"{NOT_ROLE} {HIDDEN}", step_up=GLASS_FRESH, **keep),
        send(f"{path}/return", HOLDS_AGAIN, refusal=f"hold-not-yours {HIDDEN}", **again),
    )


BREAK_GLASS = Section(
    "Break-glass",
    "Two people give leave beforehand, for named strategies and hours; one risk manager with it "
    "lifts a kill alone, low; another person reviews it, or the hold returns.",
    (
        page("/break-glass"),
        form("/break-glass/ask", ASKS, refusal=NOT_ASKED, step_up=ASK_FRESH),
        form("/break-glass/{leave_id}/end", ENDS, refusal=NOT_ROLE),
        page("/holds/{hold_id}/alone", SEEN, refusal=HIDDEN),
        form("/holds/{hold_id}/break-glass", RISK, refusal=f"{NOT_ROLE} {HIDDEN}",
             step_up=GLASS_FRESH),
        *_review("/break-glass/uses/{use_id}", "page"),
        read("/api/break-glass", EVERYBODY),
        write("/api/break-glass", ASKS, refusal=NOT_ASKED, step_up=ASK_FRESH, bearer=NO_ASK),
        write("/api/break-glass/{leave_id}/end", ENDS, refusal=NOT_ROLE, bearer=NOT_ROLE),
        read("/api/break-glass/uses"),
        read(GLASS, SEEN, refusal=HIDDEN),
        write(GLASS, RISK, refusal=f"{NOT_ROLE} {HIDDEN}", step_up=GLASS_FRESH, bearer=NO_TOKEN),
        *_review("/api/break-glass/uses/{use_id}", "api"),
    ),
)  # fmt: skip

LIMITING = (LIMITS, TRIGGERS, BREAK_GLASS)
