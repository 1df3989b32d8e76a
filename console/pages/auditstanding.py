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
    said = [
        found.why, _alarm(found), _signed(found), _waiting(found), _checked(found), _open(found),
    ]  # fmt: skip
    head = _HEADS[found.status].format(size)
    if found.status == "whole" and found.seen is not None and found.seen.upto >= size:
        head = f"Verified to entry {size:,}"
    return StandingLine(found.status, head, tuple(one for one in said if one))


def _alarm(found: Standing) -> str:
    one = found.alarm
    if one is None or one.reason == found.why:
        return ""
    at = f"{formats.day(one.happened_at)} {formats.clock(one.happened_at)}"
    return f"alarm {at}: {one.reason}"


def _signed(found: Standing) -> str:
    count = len(found.kept)
    kept = f"kept in {count} {'place' if count == 1 else 'places'} outside"
    if not count:
        kept = "kept nowhere outside the database"
    return f"checkpoint {formats.clock(found.signed_at)} UTC, {kept}" if found.signed_at else kept


def _waiting(found: Standing) -> str:
    if not found.waiting:
        return ""
    return f"waiting for a place: {found.waiting:,} {'entry' if found.waiting == 1 else 'entries'}"


def _open(found: Standing) -> str:
    if not found.powers:
        return ""
    return f"the desk's database role could rewrite it: it {found.powers[0]} (DATABASE_OWNER_URL)"


def _checked(found: Standing) -> str:
    """What the last check of all found, and how far those that came since were checked here."""
    last, said = found.verified, "no nightly check yet"
    if last is not None:
        at = f"{formats.day(last.ended_at)} {formats.clock(last.ended_at)}"
        result = "whole" if last.whole else f"not whole from entry {last.first_bad}"
        said = f"all {last.entries:,} checked {at}: {result}"
    if found.seen is None or found.checkpoint is None or found.status == "not-whole":
        return said
    since, left = found.seen.upto - found.seen.since, found.checkpoint.size - found.seen.upto
    if left > 0:
        return f"{said}; {since:,} of those since checked here, {left:,} to go"
    whose = f"all {since:,}" if last is None else f"{since:,} since"
    return f"{said}; {whose} checked here, tree as signed {formats.clock(found.compared_at)}"
