"""Who sees whether the record is whole, and who takes it out."""

from console.access.matrix.auditing import NOT_YOURS, READERS
from console.access.matrix.rows import Caller, Section, people, read

EXPORTS = people(Caller.RISK, Caller.COMPLIANCE)

RECORDING = Section(
    "The record, proven",
    "Whether it is whole, and exports of it. A token sees what its owner may; exporting takes the "
    "scope `export`.",
    (
        read("/api/audit/verify", READERS, refusal=NOT_YOURS, bearer=f"scope-missing {NOT_YOURS}"),
        read("/api/audit/export", EXPORTS, refusal=NOT_YOURS, bearer=f"scope-missing {NOT_YOURS}",
             tokens=frozenset({"export"})),
    ),
)  # fmt: skip
