"""How the record stands, in a line: what is signed, where that is kept, and what was checked."""

import datetime as dt
from dataclasses import dataclass

from audit.signing import SigningKeyError
from audit.standing import Standing, record_standing
from audit.watching import Watch
from console.pages import formats

_WATCH = Watch()
_HEADS = {"whole": "Signed to entry {:,}", "not-whole": "Not whole", "unknown": "Not signed now"}


@dataclass(frozen=True)
class StandingLine:
    """``status``: whole, not-whole or unknown."""

    status: str
    head: str
    said: tuple[str, ...]


def standing_line(now: dt.datetime) -> StandingLine:
    """Looks at what is new since this process looked last. Raises db.Error."""
    try:
        found = record_standing(now, _WATCH)
    except (SigningKeyError, OSError) as error:
        return StandingLine("unknown", _HEADS["unknown"], (f"its keys cannot be read: {error}",))
    size = found.checkpoint.size if found.checkpoint else 0
    said = [found.why, _signed(found), _kept(found), _waiting(found), _checked(found), _new(found),
            _tree(found)]  # fmt: skip
    head = _HEADS[found.status].format(size)
    if found.status == "whole" and found.seen is not None and found.seen.upto >= size:
        head = f"Verified to entry {size:,}"
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


def _checked(found: Standing) -> str:
    last = found.verified
    if last is None:
        return "all entries: checked every night, not yet here"
    at = f"{formats.day(last.ended_at)} {formats.clock(last.ended_at)} UTC"
    said = "whole" if last.whole else f"not whole from entry {last.first_bad}"
    return f"all {last.entries:,} entries checked {at}: {said}"


def _new(found: Standing) -> str:
    """How far entries were checked one by one since then."""
    if found.seen is None or found.checkpoint is None or found.status == "not-whole":
        return ""
    left = found.checkpoint.size - found.seen.upto
    since = found.seen.upto - found.seen.since
    if left > 0:
        return f"{since:,} since then checked here, {left:,} not yet: some at each look"
    return f"{since:,} since then checked here" if since else ""


def _tree(found: Standing) -> str:
    return f"tree as signed, {formats.clock(found.compared_at)} UTC" if found.compared_at else ""
