"""Who reads the record. Entries outside what is theirs are not there for an administrator."""

from typing import Any

from console.access.matrix.rows import Caller, Section, form, page, people, read

READERS = people(Caller.RISK, Caller.SRE, Caller.COMPLIANCE, Caller.ADMIN)
NOT_YOURS = "record-not-yours"
SCOPES: dict[str, Any] = {"tokens": frozenset({"read", "export"})}

AUDITING = Section(
    "The record",
    "Risk, SRE and compliance read all of it; administrators what is about people, sign-ins, "
    "tokens and denials. Views are one's own.",
    (
        page("/audit", READERS, refusal=NOT_YOURS),
        page("/audit/tail", READERS, refusal=NOT_YOURS),
        form("/audit/views", READERS, refusal=NOT_YOURS),
        form("/audit/views/{view_id}/delete", READERS, refusal=NOT_YOURS),
        read("/api/audit", READERS, refusal=NOT_YOURS, **SCOPES),
        read("/api/audit/{entry_id}", READERS, refusal=NOT_YOURS, **SCOPES),
        read("/api/audit/{entry_id}/proof", READERS, refusal=NOT_YOURS, **SCOPES),
        read("/api/audit/story/{ident}", READERS, refusal=NOT_YOURS, **SCOPES),
    ),
)
