"""What is asked of the record: one choice, of which pages, REST and exports are made. Pure."""

import datetime as dt
from dataclasses import dataclass, fields

from audit.canonical import rfc3339


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for; what is empty does not narrow. Times are those of recording.

    ``families``: of which the reader may see entries, None: of all. ``groups``: codes of
    audit.families.GROUPS. ``actors``: one of these names; empty and not None: of nobody; where a
    ``role`` was named, those who hold it. ``object_id`` needs ``object_kind``.
    """

    families: frozenset[str] | None = None
    text: str = ""
    since: dt.datetime | None = None
    until: dt.datetime | None = None
    groups: frozenset[str] = frozenset()
    action: str = ""
    actors: frozenset[str] | None = None
    role: str = ""
    actor_kind: str = ""
    on_behalf_of: str = ""
    object_kind: str = ""
    object_id: str = ""
    correlation: str = ""
    request: str = ""
    outcome: str = ""

    @property
    def whole(self) -> bool:
        """Whether it finds every entry."""
        return all(getattr(self, one.name) == one.default for one in fields(self))

    @property
    def stated(self) -> dict[str, str]:
        """As it is written into exports and entries: by the names that an address has for it."""
        kind = f"{self.object_kind}:{self.object_id}" if self.object_id else self.object_kind
        said = {
            "q": self.text,
            "from": rfc3339(self.since) if self.since else "",
            "to": rfc3339(self.until) if self.until else "",
            "what": ",".join(sorted(self.groups)),
            "action": self.action,
            "actor": "" if self.actors is None else ",".join(sorted(self.actors)) or "nobody",
            "role": self.role,
            "actor_kind": self.actor_kind,
            "on_behalf_of": self.on_behalf_of,
            "object": kind,
            "correlation": self.correlation,
            "request": self.request,
            "outcome": self.outcome,
            "families": "" if self.families is None else ",".join(sorted(self.families)) or "none",
        }
        return {name: value for name, value in said.items() if value}
