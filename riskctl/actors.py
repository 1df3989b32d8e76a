"""Who acts: a person, a token, a trigger or a process, as proven by whoever lets them in. Pure."""

from dataclasses import dataclass

from riskctl.holds import ADMIN, COMPLIANCE, OWN, RISK, SRE, STOP_TOKEN, SYSTEM, TRADER

STEP_UP_S = 300.0
"""What raises risk asks for a second factor not older than this."""


@dataclass(frozen=True, slots=True)
class Actor:
    """``kind`` is audit.models.ActorKind's value. ``roles`` are those of the person, or of none.

    ``owns``: keys of strategies that the trader may stop: own ones, and those that a desk lets
    pause. ``resumes`` and ``resizes``: those that may be brought back and resized, None where they
    are the same. ``factor_age_s``: seconds since the last second factor, None for who has none
    (tokens, processes, shells).
    """

    kind: str
    name: str
    roles: frozenset[str] = frozenset()
    owns: frozenset[str] = frozenset()
    resumes: frozenset[str] | None = None
    resizes: frozenset[str] | None = None
    factor_age_s: float | None = None
    token_scopes: frozenset[str] = frozenset()
    on_behalf_of: str = ""
    source: str = ""
    request_id: str = ""

    @property
    def stepped_up(self) -> bool:
        return self.factor_age_s is not None and self.factor_age_s <= STEP_UP_S

    def standings(self, scope: str, *, back: bool = False) -> frozenset[str]:
        """As what this actor may act on ``scope``, in the words of riskctl.holds.RULES.

        ``back``: for bringing something back, which a desk may not allow where it allows a stop.
        """
        found = set(self.roles & {RISK, SRE, COMPLIANCE, ADMIN, TRADER})
        kind, _, key = scope.partition(":")
        own = self.resumes if back and self.resumes is not None else self.owns
        if TRADER in self.roles and kind == "strategy" and key in own:
            found.add(OWN)
        if "stop" in self.token_scopes:
            found.add(STOP_TOKEN)
        if self.kind in ("trigger", "process"):
            found.add(SYSTEM)
        return frozenset(found)

    def resizes_one(self, key: str) -> bool:
        """Whether the size of strategy ``key`` is this actor's to set: its trader's, or risk's."""
        own = self.owns if self.resizes is None else self.resizes
        return RISK in self.roles or (TRADER in self.roles and key in own)


SHELL = "shell:"
"""How names of shells begin. A login is no user name: who sat there is not known."""


class NotAllowedError(Exception):
    """Refused by rule; nothing was done."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


def shell_actor(user: str) -> Actor:
    """Whoever has a shell in the desk's home: may stop anything, may start nothing."""
    return Actor(
        kind="person",
        name=f"{SHELL}{user}"[:150],
        roles=frozenset({RISK, SRE}),
        source="shell",
    )


def system_actor(name: str, *, kind: str = "process") -> Actor:
    """A process or a trigger of the desk itself."""
    return Actor(kind=kind, name=name)
