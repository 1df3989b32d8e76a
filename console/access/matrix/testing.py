"""Who makes the runbooks' test calls."""

from console.access.matrix.rows import Caller, Section, people, write

_CALLS = (
    "inject-price", "generate-signal", "validate-signal", "validate-test-signal", "dry-run-order",
)  # fmt: skip

TESTING = Section(
    "Test calls",
    "On the simulated feed and on paper accounts alone: risk, SRE, and tokens with the scope "
    "`trade-test`.",
    tuple(
        write(
            f"/test/{one}", people(Caller.RISK, Caller.SRE), tokens=frozenset({"trade-test"}),
            refusal="test-not-yours", bearer="scope-missing",
        )
        for one in _CALLS
    ),
)  # fmt: skip
