"""Who sees whether the record is whole, and who takes it out."""

from console.access.matrix.rows import Caller, Section, people, read

VERIFIES = people(Caller.RISK, Caller.SRE, Caller.COMPLIANCE, Caller.ADMIN)
EXPORTS = people(Caller.RISK, Caller.COMPLIANCE)
NOT_ROLE = "record-not-your-role"

RECORDING = Section(
    "The record, proven",
    "Whether it is whole, and exports of it. A token sees what its owner may; exporting takes the "
    "scope `export`.",
    (
        read("/api/audit/verify", VERIFIES, refusal=NOT_ROLE, bearer=f"scope-missing {NOT_ROLE}"),
        read("/api/audit/export", EXPORTS, refusal=NOT_ROLE, bearer=f"scope-missing {NOT_ROLE}",
             tokens=frozenset({"export"})),
    ),
)  # fmt: skip
