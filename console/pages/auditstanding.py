"""How the record stands, in a line: what is signed, where that is kept, and what was checked."""

import datetime as dt
from dataclasses import dataclass

from audit.signing import SigningKeyError
from audit.standing import Standing, record_standing
from console.pages import formats

_HEADS = {"whole": "Signed to entry {:,}", "not-whole": "Not whole", "unknown": "Not signed now"}


@dataclass(frozen=True)
class StandingLine:
    """``status``: whole, not-whole or unknown."""

    status: str
    head: str
    said: tuple[str, ...]


def standing_line(now: dt.datetime) -> StandingLine:
    """Looks at the stored tree as well. Raises db.Error."""
    try:
        found = record_standing(now)
    except (SigningKeyError, OSError) as error:
        return StandingLine("unknown", _HEADS["unknown"], (f"its keys cannot be read: {error}",))
    size = found.checkpoint.size if found.checkpoint else 0
    said = [
        found.why, _signed(found), _kept(found), _waiting(found), _checked(found), _open(found),
    ]  # fmt: skip
    head = _HEADS[found.status].format(size)
    return StandingLine(found.status, head, tuple(one for one in said if one))


def _signed(found: Standing) -> str:
    return f"last checkpoint {formats.clock(found.signed_at)} UTC" if found.signed_at else ""


def _kept(found: Standing) -> str:
    if not found.kept:
        return "kept nowhere outside the database"
    return f"kept in {len(found.kept)} {'place' if len(found.kept) == 1 else 'places'} outside"


def _waiting(found: Standing) -> str:
    if not found.waiting:
        return "no entry waits for a place"
    return f"waiting for a place: {found.waiting:,} {'entry' if found.waiting == 1 else 'entries'}"


def _open(found: Standing) -> str:
    if not found.powers:
        return ""
    return f"the desk's database role could rewrite it: it {found.powers[0]} (DATABASE_OWNER_URL)"


def _checked(found: Standing) -> str:
    last = found.verified
    if last is None:
        return "all entries: checked every night, not yet here"
    at = f"{formats.day(last.ended_at)} {formats.clock(last.ended_at)} UTC"
    said = "whole" if last.whole else f"not whole from entry {last.first_bad}"
    return f"all {last.entries:,} entries checked {at}: {said}"
