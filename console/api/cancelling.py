"""Cancelling all open orders, and closing all positions."""

import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from console.access.capability import Capability
from console.api.bodies import OPERATOR, REASON, flag_part, noted
from console.api.brake_shapes import CancelledShape, FlattenShape, PreviewShape
from console.api.naming import StopKey, scope_exists
from console.api.stops import SCOPE, SCOPED_CANCELLING, StopView, looked_up, placed
from console.api.writes import STOP_PROBLEMS, StrictStopView, posted
from console.stores import redis_client
from riskctl.actors import Actor, NotAllowedError
from riskctl.cancelling import Cancelled, orders_cancel
from riskctl.holds import FIRM, Kind, check_scope
from riskctl.triggers.config import figure
from trading import selectors
from trading.clock import utc_now
from trading.liquidation.service import Flattening, flatten_order, may_flatten

TRANCHE_VALUE = figure("liquidation", "large_position_threshold")
MAX_TRANCHES = int(figure("liquidation", "max_tranches"))
DRY_RUN = flag_part("dry_run", "true: say what would be closed, and do nothing.")
FLATTEN_FIELDS = (SCOPE, REASON, OPERATOR, DRY_RUN)


class CancelAll(StopView):
    """No hold: what comes after is not stopped."""

    kind = Kind.KILL  # whose placers may cancel
    fields = SCOPED_CANCELLING
    cancel: ClassVar[Callable[..., Cancelled]] = staticmethod(orders_cancel)

    @posted(
        {
            200: (CancelledShape, "Every gateway cancels what it lists."),
            202: (CancelledShape, "A gateway did not answer: what is open there is not known."),
        },
        "Cancels every open order on the firm or in the scope, protective stops only if named. "
        "Places no hold: halt first if more may come.",
        name="orders_cancel_all",
        fields=SCOPED_CANCELLING,
        problems=STOP_PROBLEMS,
    )
    def post(self, request: Request) -> Response:
        scope, actor = self.scope(), self.actor(request)
        looked_up(
            scope,
            StopKey(actor, "", "", scope, self.kind, None),
            silent=isinstance(request.auth, Capability),
            sight=lambda: self.sight,
        )
        done = self.cancel(
            scope=scope,
            actor=actor,
            reason=noted(self.said.text("reason"), self.said.ignored),
            protective_too=bool(self.said.values.get("protective_too", False)),
        )
        return Response(_cancelled(done), 200 if done.complete else 202)


def _cancelled(done: Cancelled) -> dict[str, Any]:
    return {
        "scope": done.scope,
        "reason": done.reason,
        "status": "asked" if done.complete else "partly",
        "gateways": [
            {"account": account, "orders": orders} for account, orders in done.cancelling.items()
        ],
        "unanswered": [{"account": account, "why": why} for account, why in done.failed.items()],
        "accounts_known": done.accounts_known,
    }


class CloseAllPositions(StrictStopView):
    """Kills the scope and closes what is in it. Its body is read strictly: it trades."""

    token_scopes = frozenset({"flatten"})
    fields = FLATTEN_FIELDS
    order: ClassVar[Callable[..., Flattening]] = staticmethod(flatten_order)

    @posted(
        {
            200: (FlattenShape, "Stopped, and every gateway closes; with dry_run only a preview."),
            202: (FlattenShape, "A gateway is not proven to have stopped, or does not close."),
        },
        "EXTREME MEASURE: kills the firm or the scope and closes every position in it by market "
        "orders in tranches. A risk manager, or a token with the scope 'flatten'. Assess first: "
        "dry_run answers with closings, their value in USD and tranches, and does nothing.",
        name="emergency_close_all_positions",
        fields=FLATTEN_FIELDS,
        problems=STOP_PROBLEMS,
    )
    def post(self, request: Request) -> Response:
        scope, actor = check_scope(self.said.text("scope") or FIRM), self.actor(request)
        if not may_flatten(actor):
            raise NotAllowedError("flatten-not-yours", "Positions are closed by a risk manager.")
        if self.said.values.get("dry_run"):
            return self.preview(scope)
        path = request._request.path.rstrip("/")
        key = StopKey(actor, path, self.key, scope, Kind.KILL, None)
        silent = isinstance(request.auth, Capability)
        found = looked_up(scope, key, silent=silent, sight=lambda: self.sight)
        return self.flatten(scope, actor, found.hold_id)

    def flatten(self, scope: str, actor: Actor, hold_id: uuid.UUID | None) -> Response:
        done = self.order(
            scope=scope,
            actor=actor,
            reason=self.said.text("reason"),
            hold_id=hold_id,
        )
        answer = placed(
            done.placing.body(),
            closing=list(done.taken),
            not_closing=[
                {"account": account, "why": why} for account, why in sorted(done.refused.items())
            ],
            warrant=done.warrant.id,
        )
        if done.refused:
            answer.status_code = 202
        return answer

    def preview(self, scope: str) -> Response:
        scope_exists(scope, lambda: self.sight)
        rows = selectors.closings_preview(
            redis_client(), scope=scope, tranche_value=TRANCHE_VALUE, max_tranches=MAX_TRANCHES
        )
        values = [one.value for one in rows]
        known = [one for one in values if one is not None]
        body = {
            "dry_run": True,
            "scope": scope,
            "closings": rows,
            "value": sum(known, Decimal(0)) if len(known) == len(values) else None,
            "as_of": utc_now(),
        }
        return Response(PreviewShape(body).data)
