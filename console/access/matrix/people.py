"""Who sees people, and who gives and takes roles: giving takes two, taking away one."""

from typing import Any

from console.access.matrix.rows import (
    EVERYBODY,
    Caller,
    Section,
    form,
    page,
    people,
    read,
    write,
)

ADMIN = people(Caller.ADMIN)
GIVES_TRADER = people(Caller.ADMIN, Caller.RISK)
READERS = people(Caller.ADMIN, Caller.RISK, Caller.COMPLIANCE)
NOT_ROLE = "people-not-your-role"
NO_TOKEN = "people-tokens-cannot"  # noqa: S105 - a code
ASK: dict[str, Any] = {"step_up": "approval-needs-step-up", "bearer": "approval-tokens-cannot"}
NOT_GRANTED = "grant-not-your-role approval-not-your-role"

ONE = "/people/{username}"
GRANT: dict[str, Any] = {"step_up": "approval-needs-step-up"}
NOT_SHOWN = f"{NOT_GRANTED} {NOT_ROLE}"
"""Whoever sees no people is told that, when the page comes to say what else."""

PEOPLE = Section(
    "People, roles and desks",
    "A token sees what its owner may see.",
    (
        read("/api/people", READERS, refusal=NOT_ROLE),
        read("/api/people/{username}", READERS, refusal=NOT_ROLE),
        read("/api/desks", READERS, refusal=NOT_ROLE),
        read("/api/roles", EVERYBODY),
        write("/api/people", ADMIN, refusal=NOT_ROLE, step_up="security-needs-step-up",
              bearer=NO_TOKEN),
        write("/api/people/{username}/disable", ADMIN, refusal=NOT_ROLE, bearer=NO_TOKEN),
        write("/api/people/{username}/revoke", ADMIN, case="a role", refusal=NOT_ROLE,
              bearer=NO_TOKEN),
        write("/api/people/{username}/revoke", ADMIN, case="a desk", refusal=NOT_ROLE,
              bearer=NO_TOKEN),
        write("/api/people/{username}/enable", GIVES_TRADER, case="a trader: asks",
              refusal=NOT_GRANTED, **ASK),
        write("/api/people/{username}/grant", people(Caller.ADMIN, Caller.RISK),
              case="the role trader: asks", refusal=NOT_GRANTED, **ASK),
        write("/api/people/{username}/grant", people(Caller.ADMIN, Caller.COMPLIANCE),
              case="the role compliance: asks", refusal=NOT_GRANTED, **ASK),
        write("/api/people/{username}/grant", ADMIN, case="the role administrator: asks",
              refusal=NOT_GRANTED, **ASK),
        write("/api/people/{username}/grant", people(Caller.ADMIN, Caller.RISK),
              case="a desk: asks", refusal=NOT_GRANTED, **ASK),
        page("/people", READERS, refusal=NOT_ROLE),
        page(ONE, READERS, refusal=NOT_ROLE),
        form("/people", ADMIN, refusal=NOT_ROLE, step_up="security-needs-step-up"),
        form(f"{ONE}/invite", ADMIN, refusal="people-not-your-role person-not-your-role",
             step_up="security-needs-step-up"),
        form(f"{ONE}/disable", ADMIN, refusal=NOT_ROLE),
        form(f"{ONE}/revoke", ADMIN, refusal=NOT_ROLE),
        form(f"{ONE}/leave", ADMIN, refusal=NOT_ROLE),
        form(f"{ONE}/enable", GIVES_TRADER, case="a trader: asks", refusal=NOT_SHOWN, **GRANT),
        form(f"{ONE}/grant", people(Caller.ADMIN, Caller.RISK), case="the role trader: asks",
             refusal=NOT_SHOWN, **GRANT),
        form(f"{ONE}/join", GIVES_TRADER, case="asks", refusal=NOT_SHOWN, **GRANT),
    ),
)  # fmt: skip
