"""docs/permissions.md, made from the table."""

from collections.abc import Iterable
from pathlib import Path

from django.conf import settings

from console.access.matrix import SECTIONS
from console.access.matrix.rows import Caller, Door, Face, Row, Section

COMMAND = 'make manage ARGS="permissions_doc"'
INTRODUCTION = f"""# Who may do what

Made by `{COMMAND}` from `console/access/matrix/`; do not
edit it here. `make test` asks every line in every standing, of every caller wherever it can matter
who asks (`make test-all`: of every caller), and fails for an address or a socket without a line.

**The door.** Nothing answers without a session that has given both factors, but what "Open to
anybody" names; "Between password and second factor" answers the password alone. A session counts
for 12 hours, for 60 minutes after its last use, and only while its person is active, its factor is
still theirs and nobody has ended it. Whoever has none is led to sign in (pages, 302) or refused
with 401; sockets close with 4401. Every refusal is an entry of the record, with who, what and code.

**People.** A column is a person with that one role; several roles add up. *Own desk*: the strategy
is the trader's own, or their desk may do this with it. Nobody is let in for being a superuser.

**Fresh.** `yes`: the second factor must not be older than five minutes. What lowers risk never asks
for it.

**Tokens.** The scopes of which one is enough. A token sees what its owner may see, and does what
its scopes say whatever its owner's roles; one whose owner left is refused. Pages, but `/stop`, and
sockets know no tokens: they are refused as without a session. None starts, lifts, approves or
raises anything.
"""
_HEADS = (
    "Method", "Address", "When", "Trader, own desk", "Trader, other desk", "Risk", "SRE",
    "Compliance", "Administrator", "Fresh", "Tokens", "Refused with",
)  # fmt: skip
YES, NO = "yes", "–"


def document() -> str:
    """The whole text."""
    return "\n".join((INTRODUCTION, *(_section(one) for one in SECTIONS)))


def document_path() -> Path:
    return Path(settings.BASE_DIR) / "docs" / "permissions.md"


def _section(section: Section) -> str:
    lines = [
        f"## {section.title}",
        "",
        section.about,
        "",
        _line(_HEADS),
        _line("-" for _ in _HEADS),
    ]
    return "\n".join((*lines, *(_line(_cells(row)) for row in section.rows), ""))


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cells(row: Row) -> tuple[str, ...]:
    codes = sorted({*row.refusal.split(), *row.step_up.split(), *row.bearer.split()})
    return (
        row.method.lower() if row.face is Face.SOCKET else row.method,
        f"`{row.path}`",
        row.case,
        *(_mark(row, caller) for caller in Caller),
        YES if row.step_up else NO,
        _tokens(row),
        ", ".join(f"`{code}`" for code in codes) or NO,
    )


def _mark(row: Row, caller: Caller) -> str:
    return YES if row.door is Door.OPEN or caller in row.who else NO


def _tokens(row: Row) -> str:
    if row.door is Door.OPEN:
        return "any"
    return ", ".join(sorted(row.tokens)) or NO
