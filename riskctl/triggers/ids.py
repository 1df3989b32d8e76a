"""Which hold a breach becomes: the same whoever sees it, another one after a lift. Pure."""

import uuid

_HOLDS = uuid.UUID("5c1c5a0e-0b7f-5a0b-8f6c-3f1c9a7d2e44")
FIRST = "first"


def hold_id(trigger: str, scope: str, after: str = FIRST, *, unread: bool = False) -> uuid.UUID:
    """``after``: id of the latest lifted hold of this trigger on this scope.

    ``unread``: the database did not answer, so a later lift may not be known. The hold then gets
    an id of its own: that of a lifted hold would stop nothing.
    """
    parts = [trigger, scope, after, *(["unread"] if unread else [])]
    return uuid.uuid5(_HOLDS, "\x1f".join(parts))
