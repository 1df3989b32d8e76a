"""Bringing a strategy back, and moving it on the restart ladder."""

import datetime as dt
from collections.abc import Iterable
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from console.api.base import ApiView, described
from console.api.bodies import OPERATOR, REASON, WHY, choice_part
from console.api.brake_shapes import ApprovalShape, ResumedShape, StageShape, lift_needs
from console.api.holds import LIFT_PROBLEMS, asked
from console.api.naming import scope_exists
from console.api.problems import ConflictError
from console.api.queries import LIMIT_WHOLE, name_field
from console.api.writes import WriteView, posted
from riskctl.actors import Actor, NotAllowedError
from riskctl.approvals.engine import check_is_person
from riskctl.conditions import PreconditionError
from riskctl.holds import Kind, Mode, strictest
from riskctl.ladder import stage_demote, stage_of, stage_promote_request
from riskctl.lifting import Lifted, hold_lift
from riskctl.models import Hold, Stage
from riskctl.rungs import Rung, next_up
from riskctl.selectors import fact_of
from trading.models import Strategy
from trading.resume.scope import scopes_over

RESUME_FIELDS = (WHY, OPERATOR)
STAGE_FIELDS = (
    choice_part("to", Rung, "The rung to stand on: any below, or the one above.", required=True),
    REASON,
    OPERATOR,
)
STRATEGY = name_field("strategy", "Only of this strategy.")
_NEVER = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
STAGES_QUERY = (STRATEGY, LIMIT_WHOLE)


class Resume(WriteView):
    """Lifts the pauses on exactly this strategy that the caller may lift, each by its own rule."""

    fields = RESUME_FIELDS

    @posted(
        {200: (ResumedShape, "What was lifted, and what still lies on the strategy.")},
        "Lifts the caller's liftable pauses on exactly this strategy. Where none is liftable, 409 "
        "says which holds remain and what lifting each takes.",
        name="strategy_resume",
        fields=RESUME_FIELDS,
        problems=LIFT_PROBLEMS,
    )
    def post(self, request: Request, strategy: str) -> Response:
        actor = self.actor(request)
        return self.once(request, actor, lambda: self.resume(strategy, actor))

    def resume(self, strategy: str, actor: Actor) -> Response:
        check_is_person(actor, "lift")
        self.sight.check(strategy)
        scope_exists(f"strategy:{strategy}", lambda: self.sight)
        row = Strategy.objects.select_related("account").get(key=strategy)
        lifted, refused = _lift_pauses(strategy, actor, self.said.text("reason"))
        left = _over(row)
        body = {
            "strategy": strategy,
            "mode": _mode(left),
            "lifted": [one.body() for one in lifted],
            "remaining": [_remaining(one, refused.get(str(one.id), "")) for one in left],
        }
        if left and not lifted:
            raise ConflictError(
                "holds-remain",
                "None of the holds on this strategy is a pause that you may lift. See remaining.",
                **body,
            )
        return Response(body)


def _over(strategy: Strategy) -> list[Hold]:
    rows = Hold.objects.filter(lift=None, scope__in=scopes_over(strategy))
    return list(rows.order_by("-placed_at", "id"))


def _lift_pauses(
    strategy: str, actor: Actor, reason: str
) -> tuple[list[Lifted], dict[str, str]]:  # fmt: skip
    """Those lifted, and why others were not, by id."""
    lifted: list[Lifted] = []
    refused: dict[str, str] = {}
    pauses = Hold.objects.filter(lift=None, scope=f"strategy:{strategy}", kind=Kind.PAUSE)
    for row in pauses.order_by("-placed_at", "id"):
        try:
            lifted.append(hold_lift(hold_id=row.id, actor=actor, reason=reason))
        except (NotAllowedError, PreconditionError) as error:
            refused[str(row.id)] = str(error)
    return lifted, refused


def _mode(left: Iterable[Hold]) -> str:
    found = strictest(fact_of(one) for one in left)
    return str(found.mode if found else Mode.ACTIVE)


def _remaining(row: Hold, refused: str) -> dict[str, Any]:
    needs = lift_needs(row)
    return {
        "hold": str(row.id),
        "scope": row.scope,
        "kind": row.kind,
        "mode": row.mode,
        "needs": f"{needs} ({refused})" if refused else needs,
    }


class StrategyStage(WriteView):
    fields = STAGE_FIELDS

    @posted(
        {
            200: (StageShape, "It stands there now."),
            202: (ApprovalShape, "Up takes two people: this is the request for the other one."),
        },
        "Moves a strategy on the restart ladder: down at once, up one rung by request.",
        name="strategy_stage",
        fields=STAGE_FIELDS,
        problems=LIFT_PROBLEMS,
    )
    def post(self, request: Request, strategy: str) -> Response:
        actor = self.actor(request)
        return self.once(request, actor, lambda: self.move(strategy, actor))

    def move(self, strategy: str, actor: Actor) -> Response:
        self.sight.check(strategy)
        scope_exists(f"strategy:{strategy}", lambda: self.sight)
        to, reason = self.said.text("to"), self.said.text("reason")
        if Rung(to).height > stage_of(strategy).height:
            return asked(
                stage_promote_request(strategy=strategy, to=to, actor=actor, reason=reason)
            )
        stage_demote(strategy=strategy, to=to, actor=actor, reason=reason)
        (row,) = _stages([strategy])
        return Response(StageShape(row).data)


class Stages(ApiView):
    query = STAGES_QUERY

    @described(
        StageShape(many=True),
        "On which rung of the restart ladder each strategy stands, last moved first.",
        STAGES_QUERY,
        name="stages",
    )
    def get(self, request: Request) -> Response:
        rows = self.sight.narrowed(Strategy.objects.order_by("key"), "key")
        keys = rows.values_list("key", flat=True)
        wanted = [key for key in keys if key == self.given.get("strategy", key)]
        newest = sorted(_stages(wanted), key=lambda one: one["since"] or _NEVER, reverse=True)
        return Response(StageShape(newest[: self.given.get("limit")], many=True).data)


def _stages(keys: list[str]) -> list[dict[str, Any]]:
    """A strategy without a row stands on the ground: unknown means closed."""
    rows = Stage.objects.in_bulk(keys)
    return [_stage(key, rows.get(key)) for key in keys]


def _stage(key: str, row: Stage | None) -> dict[str, Any]:
    rung = Rung(row.rung) if row else Rung.STOPPED
    above = next_up(rung)
    return {
        "strategy": key,
        "rung": str(rung),
        "next": str(above) if above else None,
        "size_factor": row.size_factor if row else None,
        "since": row.since if row else None,
        "entered_by": row.entered_by if row else "",
        "reason": row.reason if row else "",
    }
