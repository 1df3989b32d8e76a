"""Who brings back what was stopped, and who may raise risk: people alone, never a token."""

from console.access.matrix.rows import (
    EVERYBODY,
    NOBODY,
    TRADERS,
    Caller,
    Row,
    Section,
    form,
    people,
    read,
    write,
)

REDUCES = people(Caller.OWN, Caller.RISK)
RISK, SRE = people(Caller.RISK), people(Caller.SRE)
OVER_STRATEGY = people(Caller.OWN, Caller.RISK, Caller.SRE)
REGULATORY = people(Caller.COMPLIANCE, Caller.RISK)
ASK_STEP_UP, LIFT_STEP_UP = "approval-needs-step-up", "lift-needs-step-up"
NOT_ROLE = "approval-not-your-role"
NOT_LIFTED = "lift-not-your-role scope-not-yours"
NOT_THEIRS = f"{NOT_LIFTED} {NOT_ROLE}"
NOT_SEEN = "approval-not-yours-to-see"
NOT_RAISED = f"limit-not-yours {NOT_ROLE}"
NOT_SIZED = "size-not-yours strategy-not-yours"
NOT_MOVED = "stage-not-your-role strategy-not-yours"


def _lift(case: str, who: frozenset[Caller], step_up: str = "", refusal: str = "") -> Row:
    return write(
        "/api/holds/{hold_id}/lift", who, case=case, step_up=step_up,
        refusal=refusal or NOT_LIFTED, bearer="lift-tokens-cannot",
    )  # fmt: skip


LIFTS = Section(
    "Lifting holds",
    "By the rule of each kind. What takes two people opens a request for the other one.",
    (
        _lift("a pause", RISK),
        _lift("one's own pause", people(Caller.OWN, Caller.RISK)),
        _lift("a kill: asks", OVER_STRATEGY, ASK_STEP_UP, NOT_THEIRS),
        _lift("a regulatory hold: asks", REGULATORY, ASK_STEP_UP, NOT_THEIRS),
        _lift("a breaker", RISK, LIFT_STEP_UP),
        _lift("the dead man's", RISK, LIFT_STEP_UP),
        _lift("a reduce-only", RISK, LIFT_STEP_UP),
        _lift("a recovery", RISK, LIFT_STEP_UP),
        _lift("a maintenance", SRE),
        form("/holds/{hold_id}/lift", RISK, case="a pause", refusal=NOT_LIFTED),
        form("/holds/{hold_id}/lift", OVER_STRATEGY, case="a kill: asks", step_up=ASK_STEP_UP,
             refusal=NOT_THEIRS),
        write("/api/strategies/{strategy}/resume", RISK, case="a pause", status=409,
              refusal="holds-remain strategy-not-yours", bearer="lift-tokens-cannot"),
        write("/api/strategies/{strategy}/resume", people(Caller.OWN, Caller.RISK),
              case="one's own pause", status=409, refusal="holds-remain strategy-not-yours",
              bearer="lift-tokens-cannot"),
    ),
)  # fmt: skip

STAGES = Section(
    "The restart ladder",
    "Down at once by one person; up by a request that another person decides.",
    (
        write("/api/strategies/{strategy}/stage", OVER_STRATEGY, case="down",
              refusal=NOT_MOVED, bearer=NOT_MOVED),
        write("/api/strategies/{strategy}/stage", OVER_STRATEGY, case="up: asks",
              step_up=ASK_STEP_UP, refusal=f"{NOT_MOVED} {NOT_ROLE}",
              bearer="approval-tokens-cannot"),
        form("/strategies/{key}/stage", OVER_STRATEGY, case="down", refusal=NOT_MOVED),
        form("/strategies/{key}/stage", OVER_STRATEGY, case="up: asks", step_up=ASK_STEP_UP,
             refusal=f"{NOT_MOVED} {NOT_ROLE}"),
    ),
)  # fmt: skip


SIZES = Section(
    "Size",
    "Less at once; more within the limits at once, with a fresh factor; beyond them a request.",
    (
        write("/api/strategies/{strategy}/size", REDUCES, case="less", refusal=NOT_SIZED,
              bearer="size-tokens-cannot"),
        write("/api/strategies/{strategy}/size", REDUCES, case="more, within the limits",
              step_up="size-needs-step-up", refusal=NOT_SIZED, bearer="size-tokens-cannot"),
        write("/api/strategies/{strategy}/size", REDUCES, case="beyond the limits: asks",
              step_up="approval-needs-step-up size-needs-step-up", refusal=NOT_SIZED,
              bearer="size-tokens-cannot"),
        form("/strategies/{key}/size", REDUCES, case="less", refusal=NOT_SIZED),
        form("/strategies/{key}/size", REDUCES, case="more, within the limits",
             step_up="size-needs-step-up", refusal=NOT_SIZED),
        form("/strategies/{key}/size", REDUCES, case="beyond the limits: asks",
             step_up="approval-needs-step-up size-needs-step-up", refusal=NOT_SIZED),
    ),
)  # fmt: skip


def _ask(kind: str, who: frozenset[Caller], refusal: str = NOT_ROLE) -> Row:
    return write(
        "/api/approvals", who, case=kind, step_up=ASK_STEP_UP, refusal=refusal,
        bearer="approval-tokens-cannot",
    )  # fmt: skip


ASKS = Section(
    "Asking for what takes two people",
    "One line for each kind of request.",
    (
        _ask("hold-lift", OVER_STRATEGY, NOT_THEIRS),
        _ask("stage-promote", OVER_STRATEGY, f"{NOT_MOVED} {NOT_ROLE}"),
        _ask("limit-raise", REDUCES, NOT_RAISED),
        _ask("trigger-relax", RISK | SRE),
        _ask("triggers-shadow", RISK | SRE),
        _ask("break-accept", TRADERS | RISK | SRE | people(Caller.COMPLIANCE)),
        _ask("size-raise", REDUCES, f"size-not-yours {NOT_ROLE}"),
        _ask("engine-apply", REDUCES, f"engine-not-yours {NOT_ROLE}"),
        _ask("factor-reset", people(Caller.ADMIN)),
        _ask("role-grant", people(Caller.ADMIN, Caller.RISK), f"grant-not-your-role {NOT_ROLE}"),
        _ask("token-issue", EVERYBODY),
        _ask("break-glass-enable", people(Caller.RISK, Caller.COMPLIANCE, Caller.ADMIN)),
        _ask("access-review", people(Caller.RISK, Caller.COMPLIANCE, Caller.ADMIN)),
    ),
)


def _decide(verb: str, who: frozenset[Caller], case: str, step_up: str = "",
            refusal: str = NOT_ROLE) -> tuple[Row, Row]:  # fmt: skip
    api, shown = f"/api/approvals/{{approval_id}}/{verb}", f"/approvals/{{approval_id}}/{verb}"
    return (
        write(api, who, case=case, step_up=step_up, refusal=refusal,
              bearer="approval-tokens-cannot"),
        form(shown, who, case=case, step_up=step_up, refusal=refusal),
    )  # fmt: skip


NOT_DECIDED = f"{NOT_RAISED} {NOT_SEEN}"
OWN_REQUEST = f"approval-own-request {NOT_DECIDED}"
NOT_THEIRS_TO_END = f"approval-not-yours {NOT_SEEN}"
DECIDING = Section(
    "Deciding",
    "Lines are those of a request to raise a limit of a strategy; each kind's roles decide it, as "
    "above. One's own is never approved, whoever one is.",
    (
        *_decide("approve", REDUCES, "another's request", ASK_STEP_UP, NOT_DECIDED),
        *_decide("approve", NOBODY, "one's own request", ASK_STEP_UP, OWN_REQUEST),
        *_decide("reject", REDUCES, "another's request", "", NOT_DECIDED),
        *_decide("withdraw", NOBODY, "another's request", "", NOT_THEIRS_TO_END),
        *_decide("withdraw", REDUCES, "one's own request", "", NOT_THEIRS_TO_END),
    ),
)

UPKEEP = Section(
    "Watching and maintenance",
    "Anybody at the desk may say that somebody watches; it lifts nothing.",
    (
        read("/api/deadman"),
        write("/api/deadman", bearer="deadman-needs-person"),
        form("/deadman/confirm"),
        read("/api/maintenance"),
        write("/api/maintenance", SRE, case="now", refusal="hold-not-yours",
              bearer="hold-not-yours"),
        write("/api/maintenance", SRE, case="later", refusal="maintenance-not-allowed",
              bearer="maintenance-not-allowed"),
        write("/api/maintenance/{scheduled_id}/withdraw", SRE, refusal="maintenance-not-allowed",
              bearer="maintenance-not-allowed"),
    ),
)  # fmt: skip

RESTARTING = (LIFTS, STAGES, SIZES, ASKS, DECIDING, UPKEEP)
