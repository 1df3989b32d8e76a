"""Who sees who can do what, who prepares its review, and who looks at gains of privilege."""

from console.access.matrix.rows import Caller, Face, Row, Section, form, page, people, write

SEES = people(Caller.ADMIN, Caller.RISK, Caller.COMPLIANCE)
PREPARES = people(Caller.COMPLIANCE)
ACKNOWLEDGES = people(Caller.ADMIN, Caller.COMPLIANCE)
NOT_ROLE = "review-not-your-role"
NOT_LOOKED_AT = f"{NOT_ROLE} escalation-not-your-role"
FRESH = "approval-needs-step-up"


def _read(path: str) -> Row:
    return Row(
        "GET", path, SEES, face=Face.API, refusal=NOT_ROLE, bearer="people-only scope-missing"
    )


REVIEWING = Section(
    "Access review and alerts",
    "For people alone. Signing a review is a request for two: compliance asks, risk or an "
    "administrator approves.",
    (
        page("/access-review", SEES, refusal=NOT_ROLE),
        page("/access-review/{review_id}", SEES, refusal=NOT_ROLE),
        form("/access-review/prepare", PREPARES, refusal=NOT_ROLE, step_up=FRESH),
        form("/access-review/alerts/{escalation_id}/acknowledge", ACKNOWLEDGES,
             refusal=NOT_LOOKED_AT),
        _read("/api/access-review"),
        write("/api/access-review", PREPARES, refusal=NOT_ROLE, step_up=FRESH,
              bearer="people-only scope-missing"),
        _read("/api/access-reviews"),
        _read("/api/access-reviews/{review_id}"),
        _read("/api/access-alerts"),
        write("/api/access-alerts/{escalation_id}/acknowledge", ACKNOWLEDGES,
              refusal=NOT_LOOKED_AT, bearer="people-only scope-missing"),
    ),
)  # fmt: skip
