"""A desk of two accounts whose gateways are faked behind their control sockets, and its people."""

import datetime as dt
import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import Group, User
from django.test import Client

from riskctl.brakes_home import BrakesHome
from riskctl.holds import RULES, Kind
from riskctl.models import Approval, Hold, HoldLift, ReceiptStep
from tests.support.gateways import FakeGateway

FIRM_STOPS = (
    "/trading/halt", "/emergency/stop-trading", "/emergency/freeze",
    "/emergency/stop-new-positions",
)  # fmt: skip
STRATEGY_STOPS = ("/api/strategies/mom-eurusd/pause", "/api/strategies/mom-eurusd/kill")


@dataclass
class BrakesDesk:
    """``gateways`` by account; ``token`` gives a client with a token of these scopes."""

    home: BrakesHome
    gateways: dict[str, FakeGateway]
    token: Callable[..., Client]
    person: Callable[[str], Client]

    @property
    def gateway(self) -> FakeGateway:
        return self.gateways["paper-1"]

    def told(self) -> set[str]:
        """Ids of holds that any gateway was told of."""
        return {hold for one in self.gateways.values() for hold in one.holds}


def sent(client: Client, path: str, body: Any = None, **headers: str) -> Any:
    """A POST as ``curl -d`` sends it: JSON under the name of a form."""
    raw = body if isinstance(body, str) else "" if body is None else json.dumps(body)
    return client.generic(
        "POST", path, raw, content_type="application/x-www-form-urlencoded", headers=headers
    )


def steps_of(hold_id: str, *names: str, seconds: float = 5) -> list[ReceiptStep]:
    """The hold's steps once all of ``names`` are written; they are, behind the answer."""
    until = time.monotonic() + seconds
    while True:
        rows = list(ReceiptStep.objects.filter(hold=uuid.UUID(hold_id)))
        if set(names) <= {one.name for one in rows}:
            return rows
        assert time.monotonic() < until, f"{names} not among {[one.name for one in rows]}"
        time.sleep(0.01)


def only_hold() -> Hold:
    return Hold.objects.get()


def new_hold(kind: Kind = Kind.PAUSE, scope: str = "strategy:mom-eurusd", **facts: Any) -> Hold:
    """A hold that somebody placed a minute ago; ``age_s`` says when else."""
    age_s = facts.pop("age_s", 60.0)
    rule = RULES[kind]
    given: dict[str, Any] = {
        "id": uuid.uuid4(),
        "scope": scope,
        "kind": kind,
        "mode": rule.mode,
        "cancels": rule.cancels,
        "reason": "because",
        "placed_by": "ada.nwosu",
        "actor_kind": "person",
        "placed_at": dt.datetime.now(dt.UTC) - dt.timedelta(seconds=age_s),
    }
    return Hold.objects.create(**given | facts)


def lifted(hold_id: Any) -> HoldLift:
    """The hold lifted by Lena, at Ada's request where it takes two."""
    hold = Hold.objects.get(id=hold_id)
    two = RULES[Kind(hold.kind)].people > 1
    approval = _approved(hold) if two else None
    return HoldLift.objects.create(
        hold=hold,
        lifted_by="lena.fischer",
        second="ada.nwosu" if two else "",
        reason="over",
        approval=approval,
    )


def _approved(hold: Hold) -> uuid.UUID:
    now = dt.datetime.now(dt.UTC)
    for name in ("ada.nwosu", "lena.fischer"):
        user, _ = User.objects.get_or_create(username=name)
        user.groups.add(Group.objects.get_or_create(name="risk")[0])
    row = Approval.objects.create(
        id=uuid.uuid4(), kind="hold-lift", subject=f"hold:{hold.id}", request={}, asked_in={},
        digest="0" * 64, reason="over", requested_by="ada.nwosu", requester_roles=["risk"],
        requested_at=now, expires_at=now + dt.timedelta(minutes=30),
    )  # fmt: skip
    row.state, row.decided_by, row.decider_roles = "executed", "lena.fischer", ["risk"]
    row.decided_at = now
    row.save()
    return row.id
