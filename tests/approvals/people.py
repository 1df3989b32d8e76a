"""A named person per role, holds, and an approval kind whose executor is watched."""

import datetime as dt
import uuid
from collections.abc import Mapping
from typing import Any

from riskctl.actors import Actor, shell_actor, system_actor
from riskctl.approvals.kinds import ApprovalKind
from riskctl.approvals.recording import database_now
from riskctl.conditions import Condition, require
from riskctl.holds import COMPLIANCE, RISK, RULES, SRE, TRADER, Kind, Mode
from riskctl.models import Approval, Hold


def person(name: str, *roles: str, owns: tuple[str, ...] = (), age_s: float | None = 5.0) -> Actor:
    return Actor(
        kind="person",
        name=name,
        roles=frozenset(roles),
        owns=frozenset(owns),
        factor_age_s=age_s,
        source="10.0.0.7",
    )


MERCY = person("mercy.okafor", TRADER, owns=("mom-one",))
TOMAS = person("tomas.lind", TRADER, owns=("rev-two",))
RUTH = person("ruth.adeyemi", RISK)
IVAN = person("ivan.petrov", RISK)
SANA = person("sana.malik", SRE)
COLIN = person("colin.hart", COMPLIANCE)
ADA = person("ada.moss", "administrator")
NIA = person("nia.both", COMPLIANCE, RISK)
EVERYBODY = (MERCY, TOMAS, RUTH, IVAN, SANA, COLIN, ADA, NIA)
TOKEN = Actor(
    kind="token", name="ops-token", roles=frozenset({RISK}), token_scopes=frozenset({"stop"})
)
SHELL = shell_actor("root")
WATCHDOG = system_actor("drawdown", kind="trigger")


def stale(who: Actor) -> Actor:
    """The same person with a factor of an hour ago."""
    return person(who.name, *who.roles, owns=tuple(who.owns), age_s=3600.0)


def hold(
    kind: Kind = Kind.KILL,
    scope: str = "strategy:mom-one",
    *,
    by: Actor = RUTH,
    mode: Mode | None = None,
    age_s: float = 60.0,
) -> Hold:
    """A hold placed ``age_s`` ago."""
    rule = RULES[kind]
    return Hold.objects.create(
        id=uuid.uuid4(),
        scope=scope,
        kind=kind,
        mode=mode or rule.mode,
        cancels=rule.cancels,
        reason="because",
        placed_by=by.name,
        actor_kind=by.kind,
        placed_at=dt.datetime.now(dt.UTC) - dt.timedelta(seconds=age_s),
    )


# A kind of the tests' own ------------------------------------------------------------------------

WATCHED = "watched"
STATE: dict[str, Any] = {"quantities": {"paper-1": {"EURUSD": "100"}}, "breaks": []}
DONE: list[str] = []
MISSING: list[Condition] = []
REFUSAL: list[Exception] = []

KIND = ApprovalKind(
    execute=f"{__name__}.watched_execute",
    state=f"{__name__}.watched_state",
    roles=frozenset({TRADER, RISK, SRE}),
    binds=frozenset({"quantities"}),
)


def watched_state(_subject: str, _request: Mapping[str, Any]) -> Mapping[str, Any]:
    return STATE


def watched_execute(*, approval: Approval, actor: Actor) -> Mapping[str, Any]:
    """Does its work in the database, so that what is rolled back is seen to be."""
    hold(Kind.PAUSE, "strategy:done", by=actor)
    require(MISSING)
    if REFUSAL:
        raise REFUSAL[0]
    DONE.append(str(approval.id))
    return {"did": approval.subject, "at": database_now().isoformat()}


def executions() -> int:
    """How often the executor's work was committed."""
    return Hold.objects.filter(scope="strategy:done").count()
