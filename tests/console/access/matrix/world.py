"""The desk that the permission matrix is asked of: people, sessions, tokens and things, made once.

All of it is committed, because stops look their callers up on connections of their own.
"""

import datetime as dt
import time
import uuid
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.contrib.admin.utils import quote
from django.contrib.auth.models import User
from django.test import Client

from audit.record import record
from console.access.matrix.rows import SCOPES, Caller
from console.access.review import review_prepare
from console.access.sessions import FACTOR_AT, RECORD, SEEN_AT
from console.admin.records import site
from console.api.authentication import token_digest, token_text
from console.models import (
    ApiToken,
    Desk,
    Enrolment,
    Escalation,
    Passkey,
    RecoverySet,
    SessionRecord,
)
from console.stores import redis_client
from riskctl.actors import Actor
from riskctl.approvals import approval_approve, approval_request
from riskctl.breakglass import breakglass_shown
from riskctl.glass_leave import leave_ask
from riskctl.holds import Kind
from riskctl.ladder import stages_prepare
from riskctl.leases import leases_lay
from riskctl.models import Approval, BreakGlass, BreakGlassUse, Limit, ScheduledHold
from tests.console.api.brakes import new_hold
from tests.console.api.conftest import with_both_factors
from tests.console.conftest import person, with_password_alone
from trading.engines.reading import read_document
from trading.engines.versions import version_store
from trading.models import Break, Strategy, VenueAccount

OWN, OTHERS = "mom-eurusd", "mr-btcusdt"
HELD, OWN_HELD = "mom-held", "mom-own-held"
"""Strategies on which things lie; stops go to ``OWN``, and stay, as they are really placed."""
PEOPLE: dict[Caller, tuple[str, str]] = {
    Caller.OWN: ("mercy.okafor", "trader"),
    Caller.OTHER: ("tomas.brandt", "trader"),
    Caller.RISK: ("ada.nwosu", "risk"),
    Caller.SRE: ("jonas.lindqvist", "sre"),
    Caller.COMPLIANCE: ("ruth.adeyemi", "compliance"),
    Caller.ADMIN: ("priya.raman", "administrator"),
}
STALE_S = 301
ADDRESS = "127.0.0.1"
LIMIT_UP = {"kind": "limit-raise", "subject": f"limit:strategy:{OWN}/order-notional"}
KINDS = {
    "a pause": Kind.PAUSE, "one's own pause": Kind.PAUSE, "a kill": Kind.KILL,
    "a regulatory hold": Kind.REGULATORY, "a breaker": Kind.BREAKER,
    "the dead man's": Kind.DEAD_MAN, "a reduce-only": Kind.REDUCE_ONLY,
    "a recovery": Kind.RECOVERY, "a maintenance": Kind.MAINTENANCE,
}  # fmt: skip


@dataclass
class World:
    """``things``: ids by name, for addresses; ``own``: those of each caller's own."""

    users: dict[Caller, User] = field(default_factory=dict)
    sessions: dict[tuple[Caller | None, str], Client] = field(default_factory=dict)
    cookies: dict[tuple[Caller | None, str], dict[str, str]] = field(default_factory=dict)
    tokens: dict[tuple[Caller, str], str] = field(default_factory=dict)
    things: dict[str, str] = field(default_factory=dict)
    own: dict[str, dict[Caller, str]] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    built_at: float = field(default_factory=time.monotonic)

    def make_ready(self) -> None:
        """For the next test: nobody waits for what an earlier one used up, factors are fresh."""
        client = redis_client()
        for pattern in ("hl:limits*", "hl:backoff:*"):
            for key in client.scan_iter(match=pattern):
                client.delete(key)
        self._keep_fresh()

    def _keep_fresh(self) -> None:
        """Factors of just now and of 301 s ago stay that old for a test, however late it comes."""
        if time.monotonic() - self.built_at < 60:
            return
        now = int(time.time())
        for (_, standing), client in self.sessions.items():
            session = client.session
            session[SEEN_AT] = now
            if standing in ("full", "stale"):
                session[FACTOR_AT] = now - (STALE_S if standing == "stale" else 0)
            session.save()


def build() -> World:
    """Of an empty database."""
    world = World()
    for caller, (name, role) in PEOPLE.items():
        world.users[caller] = person(name, role)
    person("lena.fischer", "risk")
    waiting = User.objects.create(username="waiting.person")
    Enrolment.objects.create(user=waiting)
    gone = person("gone.person", "trader")
    gone.is_active = False
    gone.save()
    _desk()
    for caller, user in world.users.items():
        _sessions(world, caller, user)
        _tokens(world, caller, user)
    _things(world)
    _engine()
    _requests(world)
    _reviewing(world)
    _records(world)
    _glass(world)
    _settle(world)
    return world


def _settle(world: World) -> None:
    """Where and when all of it was used last is known: no request has anything to write of that."""
    later = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    SessionRecord.objects.update(address=ADDRESS, seen_at=later)
    for client in world.sessions.values():
        session = client.session
        SessionRecord.objects.filter(id=session[RECORD]).update(session_key=session.session_key)
    ApiToken.objects.update(last_used_from=ADDRESS, last_used_at=later)


def actor(name: str, *roles: str, owns: tuple[str, ...] = ()) -> Actor:
    """A person who has just given a second factor."""
    return Actor(
        kind="person", name=name, roles=frozenset(roles), owns=frozenset(owns), factor_age_s=1.0
    )


def _desk() -> None:
    ours, theirs = (
        VenueAccount.objects.create(
            name=f"paper-{number}", venue=f"Paper {number}", adapter="none", address="127.0.0.1:1"
        )
        for number in (1, 2)
    )
    for key, owner, account, symbol in (
        (OWN, "mercy.okafor", ours, "EURUSD"), (OTHERS, "tomas.brandt", theirs, "BTCUSDT"),
        (HELD, "mercy.okafor", ours, "GBPUSD"), (OWN_HELD, "mercy.okafor", ours, "USDJPY"),
    ):  # fmt: skip
        Strategy.objects.create(
            key=key, kind="momentum", owner=owner, account=account, symbols=[symbol],
            size_notional=100_000,
        )  # fmt: skip
    leases_lay(names=["gateway:paper-1", "gateway:paper-2"])
    stages_prepare(strategies=[OWN, OTHERS, HELD], rung="monitor", entered_by="tests")
    for scope, kind, value in (
        ("firm", Limit.Kind.ORDER_NOTIONAL, 10_000_000),
        ("firm", Limit.Kind.GROSS_NOTIONAL, 10_000_000),
        (f"strategy:{OWN}", Limit.Kind.ORDER_NOTIONAL, 1_000_000),
        (f"strategy:{OWN}", Limit.Kind.POSITION_NOTIONAL, 500_000),
        (f"strategy:{OWN}", Limit.Kind.GROSS_NOTIONAL, 500_000),
        (f"strategy:{OWN}", Limit.Kind.ORDER_RATE, 5),
        (f"strategy:{OWN}", Limit.Kind.OPEN_ORDERS, 20),
    ):
        Limit.objects.create(scope=scope, kind=kind, value=Decimal(value))


def engine_document(**strategy: str) -> dict[str, Any]:
    """Of ``OWN``: what is in force, with these fields of its strategy otherwise."""
    given = {"type": "momentum", "riskLimit": "5%", "maxPositionSize": "500k",
             "frequency": "medium", "targetPosition": "100k"}  # fmt: skip
    return {
        "apiVersion": "trading.fintech.io/v1", "kind": "TradingEngine", "metadata": {"name": OWN},
        "spec": {"strategy": given | strategy, "markets": ["FOREX"]},
    }  # fmt: skip


def _engine() -> None:
    """Two versions, of which the latest raises something."""
    who = actor("ada.nwosu", "risk")
    for document in (engine_document(), engine_document(maxPositionSize="600k")):
        text, config = read_document(document)
        version_store(config=config, text=text, actor=who, reason="tests")


def _sessions(world: World, caller: Caller, user: User) -> None:
    def new() -> Client:
        return Client(raise_request_exception=False)

    made = {
        "password": with_password_alone(new(), user),
        "full": with_both_factors(new(), user),
        "stale": with_both_factors(new(), user, age_s=STALE_S),
    }
    left = person(f"left.{user.username}", PEOPLE[caller][1])
    made["disabled"] = with_both_factors(new(), left)
    world.tokens[caller, "disabled"] = new_token(left, *SCOPES)
    left.is_active = False
    left.save()
    for standing, client in made.items():
        world.sessions[caller, standing] = client
        world.cookies[caller, standing] = {name: one.value for name, one in client.cookies.items()}
    spare = with_both_factors(new(), user).session.session_key
    record = SessionRecord.objects.get(session_key=spare)
    world.own.setdefault("session", {})[caller] = str(record.id)


def _tokens(world: World, caller: Caller, user: User) -> None:
    for scope in SCOPES:
        world.tokens[caller, scope] = new_token(user, scope)
    spare = token_digest(new_token(user, "read"))
    world.own.setdefault("token", {})[caller] = str(ApiToken.objects.get(digest=spare).pk)


def new_token(owner: User, *scopes: str) -> str:
    text, now = token_text(), dt.datetime.now(dt.UTC)
    ApiToken.objects.create(
        name=f"{'-'.join(scopes)} script {text[-6:]}", owner=owner, digest=token_digest(text),
        scopes=list(scopes), expires_at=now + dt.timedelta(days=1), last_used_at=now,
    )  # fmt: skip
    return text


def _things(world: World) -> None:
    for name, kind in KINDS.items():
        own = name == "one's own pause"
        by, key = ("mercy.okafor", OWN_HELD) if own else ("lena.fischer", HELD)
        world.things[name] = str(new_hold(kind, f"strategy:{key}", placed_by=by).id)
    later = dt.datetime.now(dt.UTC) + dt.timedelta(days=1)
    planned = ScheduledHold.objects.create(
        id=uuid.uuid4(), scope="firm", due_at=later, reason="tests", asked_by="jonas.lindqvist"
    )
    world.things["planned"] = str(planned.id)
    found = Break.objects.create(
        id=uuid.uuid4(), account_id="paper-1", what=Break.What.POSITION, key="EURUSD", ours="0",
        theirs="10000", first_seen=later, last_seen=later,
    )  # fmt: skip
    world.things["break"] = str(found.pk)
    lena = User.objects.get(username="lena.fischer")
    spare = with_both_factors(Client(), lena).session.session_key
    world.things["session"] = str(SessionRecord.objects.get(session_key=spare).id)
    digest = token_digest(new_token(lena, "read"))
    world.things["token"] = str(ApiToken.objects.get(digest=digest).pk)


def _records(world: World) -> None:
    """One record of each table that the admin shows, by its table; and an entry of the record."""
    ident = uuid.uuid4()
    record(
        id=ident, action="role.grant", actor_kind="person", actor="priya.raman",
        object_kind="user", object_id="lena.fischer", correlation_id="c-1",
    )  # fmt: skip
    world.things["entry"] = str(ident)
    for caller, user in world.users.items():
        Passkey.objects.create(
            user=user, name="key", credential_id=caller.encode(), public_key=b"k",
            rp_id="localhost", confirmed=True,
        )  # fmt: skip
    RecoverySet.objects.create(user=world.users[Caller.ADMIN], name="codes")
    Desk.objects.create(key="majors", title="Majors", rights=["view"])
    for model in site._registry:
        first = model._default_manager.order_by("pk").first()
        assert first is not None, f"nothing of {model._meta.label} to look at"
        world.things[f"{model._meta.app_label}/{model._meta.model_name}"] = quote(first.pk)


def _reviewing(world: World) -> None:
    """A review that waits, and a gain of privilege that nothing accounts for."""
    review = review_prepare(actor=actor("ruth.adeyemi", "compliance"), reason="tests")
    world.things["review"] = str(review.id)
    alert = Escalation.objects.filter(who="lena.fischer", kind="role").latest("id")
    world.things["alert"] = str(alert.pk)


def _glass(world: World) -> None:
    """Leave for Ada and Lena, and one use of it by Lena that waits for its review."""
    asked = leave_ask(
        people=["ada.nwosu", "lena.fischer"], scopes=[f"strategy:{HELD}"], hours=1,
        actor=actor("lena.fischer", "risk"), reason="tests",
    )  # fmt: skip
    ruth = actor("ruth.adeyemi", "compliance")
    approval_approve(approval_id=asked.id, digest=asked.digest, actor=ruth)
    leave, now = BreakGlass.objects.get(approval=asked.id), dt.datetime.now(dt.UTC)
    use = BreakGlassUse.objects.create(
        id=uuid.uuid4(), leave=leave, hold=new_hold(Kind.KILL, f"strategy:{HELD}"),
        person="lena.fischer", reason="tests", root_cause="a bad feed", rollback="back",
        size_factor=Decimal("0.25"), used_at=now, until=now + dt.timedelta(hours=1),
    )  # fmt: skip
    world.things |= {"leave": str(leave.id), "use": str(use.id)}
    kill = uuid.UUID(world.things["a kill"])
    shown = breakglass_shown(hold_id=kill, actor=actor("ada.nwosu", "risk"))
    world.digests["alone"] = shown.digest


def _requests(world: World) -> None:
    """Requests to raise a limit: another's, and one of each who may ask for it."""
    others = _asked("lena.fischer", "risk")
    world.things["request"] = str(others.id)
    world.digests[str(others.id)] = others.digest
    own = world.own.setdefault("request", {})
    for caller, (name, role) in PEOPLE.items():
        row = _asked(name, role) if caller in (Caller.OWN, Caller.RISK) else others
        own[caller] = str(row.id)
        world.digests[str(row.id)] = row.digest


def _asked(name: str, role: str) -> Approval:
    return approval_request(
        **LIMIT_UP,
        request={"value": "2000000"},
        actor=actor(name, role, owns=(OWN,)),
        reason="tests",
    )
