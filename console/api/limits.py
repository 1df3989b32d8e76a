"""Limits in force: read with what is used of them, lowered at once, raised by two people."""

import re

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from console.access.visible import Sight
from console.api.base import ApiView, described
from console.api.bodies import OPERATOR, WHY, text_part
from console.api.brake_shapes import ApprovalShape
from console.api.holds import LIFT_PROBLEMS, READ_ONE, asked
from console.api.naming import scope_exists
from console.api.problems import NoSuchError
from console.api.queries import LIMIT_WHOLE, Field, choice
from console.api.serializers import Shape, exact_field, moment_field, text_field
from console.api.writes import WriteView, posted, version_seen
from console.pages.frames import frames_read
from console.pages.limitread import LimitLine, limit_lines
from riskctl.actors import Actor
from riskctl.limiting import limit_change, limits_read
from riskctl.models import Limit
from riskctl.rules import FIRM

SCOPE_PATTERN = r"firm|(?:account|strategy):[A-Za-z0-9][A-Za-z0-9._\-]{0,60}"


def _scope(text: str) -> str:
    if not re.fullmatch(SCOPE_PATTERN, text):
        raise ValueError(text)
    return text


SCOPE = Field("scope", _scope, "firm, account:NAME or strategy:KEY", "Only on exactly this scope.")
KIND = choice("kind", Limit.Kind.values, "Only of this kind.")
QUERY = (SCOPE, KIND, LIMIT_WHOLE)
CHANGE_FIELDS = (
    text_part("value", "The new value, a decimal as text.", required=True, longest=40),
    WHY,
    OPERATOR,
)


class LimitShape(Shape):
    scope = text_field("firm, account:NAME or strategy:KEY")
    kind = text_field(f"One of {', '.join(Limit.Kind.values)}.")
    value = exact_field("USD, a count, orders a second, or basis points; as its kind says.")
    in_force = exact_field("What gateways judge by: less on the rung ramp.")
    used = exact_field("Of it, now; null: not known, or judged order by order.", null=True)
    version = serializers.IntegerField(help_text="Also in ETag; name it in If-Match.")
    changed_by = text_field("Empty: as it was set up.")
    changed_at = moment_field()


class Limits(ApiView):
    query = QUERY

    @described(
        LimitShape(many=True),
        "Limits in force, by scope and kind, and what is used of each.",
        QUERY,
        name="limits",
    )
    def get(self, request: Request) -> Response:
        lines = [
            one
            for one in _lines(self.sight)
            if self.given.get("scope", one.scope) == one.scope
            and self.given.get("kind", one.kind) == one.kind
        ]
        return Response(LimitShape(lines[: self.given.get("limit")], many=True).data)


class RiskLimits(Limits):
    """The same under the addresses that runbooks name."""

    schema = None


class LimitOne(WriteView):
    http_method_names = ["get", "head", "post"]
    fields = CHANGE_FIELDS

    @described(LimitShape, "One limit, its version in ETag.", name="limit", problems=READ_ONE)
    def get(self, request: Request, scope: str, kind: str) -> Response:
        _check_seen(self.sight, scope)
        return _answer(self.sight, scope, kind)

    @posted(
        {
            200: (LimitShape, "In force at the gateways' next reading, about 80 ms away."),
            202: (ApprovalShape, "It lets more through, so two people: this is the request."),
        },
        "Lowers a limit at once: risk, or a strategy's own trader. A higher value becomes a "
        "request that another person decides, risk being one of the two. With If-Match only "
        "while the limit is that version.",
        name="limit_change",
        fields=CHANGE_FIELDS,
        problems=(*LIFT_PROBLEMS, 412),
    )
    def post(self, request: Request, scope: str, kind: str) -> Response:
        actor, version = self.actor(request), version_seen(request)
        return self.once(request, actor, lambda: self.change(scope, kind, version, actor))

    def change(self, scope: str, kind: str, version: int | None, actor: Actor) -> Response:
        _check_seen(self.sight, scope)
        done = limit_change(
            scope=scope, kind=kind, value=self.said.text("value"), actor=actor,
            reason=self.said.text("reason"), version=version,
        )  # fmt: skip
        if done.asked is not None:
            return asked(done.asked)
        return _answer(self.sight, scope, kind)


def _lines(sight: Sight) -> list[LimitLine]:
    return limit_lines(limits_read(), frames_read(sight).desk, sight)


def _answer(sight: Sight, scope: str, kind: str) -> Response:
    for one in _lines(sight):
        if (one.scope, one.kind) == (scope, kind):
            return Response(LimitShape(one).data, headers={"ETag": f'"{one.version}"'})
    raise NoSuchError(f"There is no {kind} on {scope}. See /api/limits.")


def _check_seen(sight: Sight, scope: str) -> None:
    """Raises NotSeenError, NoSuchError."""
    as_hold = scope.replace("account:", "venue:", 1)
    if scope != FIRM:
        sight.check_scope(as_hold)
        scope_exists(as_hold)
