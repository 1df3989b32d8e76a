"""Holds as a list, one as its receipt, and lifting one."""

import uuid
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from console.access.seen_receipts import receipt_seen
from console.api.base import ApiView, described
from console.api.bodies import OPERATOR, WHY, text_part, uuid_part
from console.api.brake_shapes import ApprovalShape, HoldShape, LiftedShape, ReceiptShape
from console.api.paging import Order, page_of, paged_as
from console.api.problems import NoSuchError
from console.api.queries import CURSOR, LIMIT, Field, choice
from console.api.writes import WriteView, posted
from riskctl.desk import brakes_desk
from riskctl.holds import RULES, Kind, check_scope
from riskctl.lifting import hold_lift, lift_request
from riskctl.models import Approval, Hold
from riskctl.receipts import effective_at, receipt_body, receipt_read
from riskctl.selectors import hold_get

STATUS = choice("status", ("open", "lifted", "all"), "open when not given.")
KIND = choice("kind", Kind, "Only of this kind.")
SCOPE = Field(
    "scope",
    check_scope,
    "firm, venue:NAME, strategy:KEY or instrument:SYMBOL",
    "Only on exactly this scope.",
)
HOLDS_QUERY = (STATUS, SCOPE, KIND, LIMIT, CURSOR)
NEWEST = Order("placed_at", "id")

READ_ONE = (400, 401, 403, 404, 405, 406, 429, 500, 503)
LIFT_PROBLEMS = (400, 401, 403, 404, 405, 406, 409, 429, 500, 503)
LIFT_FIELDS = (
    WHY,
    OPERATOR,
    text_part("root_cause", "For a kill: what went wrong."),
    text_part("rollback", "For a kill: how, and to which version, to go back."),
    uuid_part(
        "limits_approval", "The executed request by which limits were changed, if they were."
    ),
)


class Holds(ApiView):
    query = HOLDS_QUERY

    @described(HoldShape(many=True), "Holds, newest first; open ones.", HOLDS_QUERY, name="holds")
    def get(self, request: Request) -> Response:
        rows = Hold.objects.select_related("lift").order_by("-placed_at", "-id")
        rows = self.sight.narrowed_scopes(rows)
        status = self.given.get("status", "open")
        if status != "all":
            rows = rows.filter(lift__isnull=status == "open")
        for name in ("scope", "kind"):
            if name in self.given:
                rows = rows.filter(**{name: self.given[name]})
        found, following = page_of(rows, NEWEST, self.given)
        context = {"effective": effective_at(row.id for row in found)}
        return paged_as(request, HoldShape(found, many=True, context=context).data, following)


class HoldReceipt(ApiView):
    @described(
        ReceiptShape,
        "The receipt: the hold, its lift, every signed step of its proof, and what is not proven.",
        name="hold_receipt",
        problems=READ_ONE,
    )
    def get(self, request: Request, hold_id: uuid.UUID) -> Response:
        receipt = receipt_read(hold_id)
        if receipt is None:
            raise NoSuchError(f"There is no hold {hold_id}. See /api/holds?status=all.")
        self.sight.check_scope(receipt.hold.scope)
        return Response(receipt_body(receipt_seen(receipt, self.sight), brakes_desk().signer))


class LiftHold(WriteView):
    """Tokens and shells lift nothing: the service refuses them, and records it."""

    fields = LIFT_FIELDS

    @posted(
        {
            200: (LiftedShape, "Lifted. No other hold was."),
            202: (ApprovalShape, "It takes two people: this is the request for the other one."),
        },
        "Lifts one hold by the rule of its kind, or opens the request that its kind needs.",
        name="hold_lift",
        fields=LIFT_FIELDS,
        problems=LIFT_PROBLEMS,
    )
    def post(self, request: Request, hold_id: uuid.UUID) -> Response:
        actor = self.actor(request)
        row = hold_get(hold_id)
        if row is not None and RULES[Kind(row.kind)].people > 1:
            return self.once(request, actor, lambda: self.ask(hold_id, actor))
        return self.once(request, actor, lambda: self.lift(hold_id, actor))

    def lift(self, hold_id: uuid.UUID, actor: Any) -> Response:
        done = hold_lift(hold_id=hold_id, actor=actor, reason=self.said.text("reason"))
        return Response(done.body())

    def ask(self, hold_id: uuid.UUID, actor: Any) -> Response:
        return asked(
            lift_request(
                hold_id=hold_id,
                actor=actor,
                reason=self.said.text("reason"),
                root_cause=self.said.text("root_cause"),
                rollback=self.said.text("rollback"),
                limits_approval=self.said.values.get("limits_approval"),
            )
        )


def asked(row: Approval, status: int = 202) -> Response:
    """A request that was opened, and where it is."""
    headers = {"Location": f"/api/approvals/{row.id}"}
    return Response(ApprovalShape(row).data, status, headers=headers)
