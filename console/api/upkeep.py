"""The dead man's switch and maintenance."""

import uuid
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from console.api.base import described
from console.api.bodies import OPERATOR, REASON, moment_part
from console.api.brake_shapes import DeadManShape, MaintenanceShape, ReceiptShape
from console.api.holds import LIFT_PROBLEMS
from console.api.naming import scope_exists
from console.api.paging import Order, paged
from console.api.queries import CURSOR, LIMIT, choice
from console.api.stops import SCOPE, placed
from console.api.writes import STOP_PROBLEMS, WriteView, posted
from riskctl.deadman import deadman_confirm, deadman_state
from riskctl.holds import FIRM, Kind, check_scope
from riskctl.models import ScheduledHold
from riskctl.placing import hold_place
from riskctl.schedule import maintenance_schedule, maintenance_withdraw

CONFIRM_FIELDS = (OPERATOR,)
MAINTENANCE_FIELDS = (
    SCOPE,
    moment_part("due_at", "From when on; at once when not given."),
    REASON,
    OPERATOR,
)
WITHDRAW_FIELDS = (REASON, OPERATOR)
STATUS = choice("status", ("waiting", "placed", "withdrawn", "all"), "waiting when not given.")
MAINTENANCE_QUERY = (STATUS, LIMIT, CURSOR)
MAINTENANCE_NEWEST = Order("due_at", "id")
_STATUS: dict[str, dict[str, Any]] = {
    "waiting": {"placed": None, "withdrawn_by": ""},
    "placed": {"placed__isnull": False},
    "withdrawn": {"withdrawn_by__gt": ""},
    "all": {},
}


class DeadManSwitch(WriteView):
    http_method_names = ["get", "head", "post"]
    fields = CONFIRM_FIELDS

    @described(DeadManShape, "When somebody last said that somebody watches.", name="deadman")
    def get(self, request: Request) -> Response:
        return Response(DeadManShape(deadman_state().body()).data)

    @posted(
        {200: (DeadManShape, "Confirmed. No hold is lifted by it.")},
        "Confirms that somebody watches. Only a person with a second factor can.",
        name="deadman_confirm",
        fields=CONFIRM_FIELDS,
    )
    def post(self, request: Request) -> Response:
        actor = self.actor(request)
        return self.once(
            request,
            actor,
            lambda: Response(DeadManShape(deadman_confirm(actor=actor).body()).data),
        )


class Maintenance(WriteView):
    http_method_names = ["get", "head", "post"]
    query = MAINTENANCE_QUERY
    fields = MAINTENANCE_FIELDS

    @described(
        MaintenanceShape(many=True),
        "Maintenance that is scheduled, latest first.",
        MAINTENANCE_QUERY,
        name="maintenance",
    )
    def get(self, request: Request) -> Response:
        wanted = _STATUS[self.given.get("status", "waiting")]
        found = ScheduledHold.objects.filter(**wanted).order_by("-due_at", "-id")
        rows = self.sight.narrowed_scopes(found)
        return paged(request, rows, MAINTENANCE_NEWEST, self.given, MaintenanceShape)

    @posted(
        {
            200: (ReceiptShape, "Held from now on, and effective."),
            201: (MaintenanceShape, "Scheduled."),
            202: (ReceiptShape, "Held from now on; a gateway is not proven yet."),
        },
        "Holds a scope for maintenance, now or from a later time on. By SRE.",
        name="maintenance_schedule",
        fields=MAINTENANCE_FIELDS,
        problems=STOP_PROBLEMS,
    )
    def post(self, request: Request) -> Response:
        actor = self.actor(request)
        scope, reason = check_scope(self.said.text("scope") or FIRM), self.said.text("reason")
        scope_exists(scope, lambda: self.sight)

        def schedule() -> Response:
            due_at = self.said.values["due_at"]
            row = maintenance_schedule(scope=scope, due_at=due_at, reason=reason, actor=actor)
            row.refresh_from_db()
            return Response(MaintenanceShape(row).data, 201)

        if "due_at" in self.said.values:
            return self.once(request, actor, schedule)
        placing = hold_place(scope=scope, kind=Kind.MAINTENANCE, actor=actor, reason=reason)
        return placed(placing.body())


class MaintenanceWithdraw(WriteView):
    fields = WITHDRAW_FIELDS

    @posted(
        {200: (MaintenanceShape, "Withdrawn.")},
        "Takes back maintenance that is not placed yet. By SRE.",
        name="maintenance_withdraw",
        fields=WITHDRAW_FIELDS,
        problems=LIFT_PROBLEMS,
    )
    def post(self, request: Request, scheduled_id: uuid.UUID) -> Response:
        actor = self.actor(request)

        def withdraw() -> Response:
            row = maintenance_withdraw(scheduled_id=scheduled_id, actor=actor)
            return Response(MaintenanceShape(row).data)

        return self.once(request, actor, withdraw)
