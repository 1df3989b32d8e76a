"""What takes two people: asked for, shown, decided. No token asks or decides."""

import uuid
from abc import abstractmethod
from collections.abc import Callable
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from console.access.requested import RequestSight, requests_seen
from console.access.rights import roles_of
from console.api.base import ApiView, described
from console.api.bodies import (
    OPERATOR,
    REASON,
    WHY,
    BodyField,
    choice_part,
    object_part,
    text_part,
)
from console.api.brake_shapes import ApprovalShape
from console.api.holds import LIFT_PROBLEMS, READ_ONE, asked
from console.api.paging import Order, paged
from console.api.problems import NoSuchError
from console.api.queries import CURSOR, LIMIT, choice
from console.api.writes import WriteView, posted
from riskctl.actors import Actor
from riskctl.approvals import (
    KINDS,
    approval_approve,
    approval_reject,
    approval_request,
    approval_withdraw,
)
from riskctl.models import Approval

STATUS = choice("status", (*Approval.State.values, "all"), "All when not given.")
KIND = choice("kind", KINDS, "Only of this kind.")
QUERY = (STATUS, KIND, LIMIT, CURSOR)
NEWEST = Order("requested_at", "id")

ASK_FIELDS = (
    choice_part("kind", KINDS, "What is asked for.", required=True),
    text_part("subject", "hold:ID, strategy:KEY, limit:SCOPE/KIND, …", required=True, longest=120),
    object_part("request", "What exactly is to be done, as its kind wants it."),
    WHY,
    OPERATOR,
)
DIGEST = text_part("digest", "Of the request as it was shown.", required=True, longest=64)
APPROVE_FIELDS = (DIGEST, REASON, OPERATOR)
REJECT_FIELDS = (WHY, OPERATOR)
WITHDRAW_FIELDS = (REASON, OPERATOR)
ASK_PROBLEMS = (400, 401, 403, 405, 406, 429, 500, 503)


class _Seen(ApiView):
    """Requests that have nothing to do with the caller are not there for them."""

    def seen(self, request: Request) -> RequestSight:
        behind: Any = request.auth
        return requests_seen(request._request, behind)

    def found(self, request: Request, approval_id: uuid.UUID) -> Approval | None:
        """Raises NotSeenError."""
        row = Approval.objects.filter(id=approval_id).first()
        if row is not None:
            self.seen(request).check(row)
        return row


class Approvals(WriteView, _Seen):
    http_method_names = ["get", "head", "post"]
    query = QUERY
    fields = ASK_FIELDS

    @described(ApprovalShape(many=True), "Requests, newest first.", QUERY, name="approvals")
    def get(self, request: Request) -> Response:
        rows = self.seen(request).narrowed(Approval.objects.order_by("-requested_at", "-id"))
        if self.given.get("status", "all") != "all":
            rows = rows.filter(state=self.given["status"])
        if "kind" in self.given:
            rows = rows.filter(kind=self.given["kind"])
        return paged(request, rows, NEWEST, self.given, ApprovalShape)

    @posted(
        {201: (ApprovalShape, "Asked. Another person decides.")},
        "Asks for something that takes two people.",
        name="approval_ask",
        fields=ASK_FIELDS,
        problems=ASK_PROBLEMS,
    )
    def post(self, request: Request) -> Response:
        actor, said = self.actor(request), self.said

        def ask() -> Response:
            row = approval_request(
                kind=said.text("kind"),
                subject=said.text("subject"),
                request=said.values.get("request", {}),
                actor=actor,
                reason=said.text("reason"),
            )
            return asked(row, 201)

        return self.once(request, actor, ask)


class ApprovalOne(_Seen):
    @described(ApprovalShape, "One request.", name="approval", problems=READ_ONE)
    def get(self, request: Request, approval_id: uuid.UUID) -> Response:
        row = self.found(request, approval_id)
        if row is None:
            raise NoSuchError(f"There is no request {approval_id}. See /api/approvals.")
        return Response(ApprovalShape(row).data)


class _Decision(WriteView, _Seen):
    def decided(self, request: Request, approval_id: uuid.UUID) -> Response:
        actor = self.actor(request)

        def work() -> Response:
            self.found(request, approval_id)  # who does not see it does not decide it
            return Response(ApprovalShape(self.decide(approval_id, actor)).data)

        return self.once(request, actor, work)

    @abstractmethod
    def decide(self, approval_id: uuid.UUID, actor: Actor) -> Approval:
        """Carry the decision out. Raises as the services of riskctl.approvals."""


def decision(about: str, name: str, fields: tuple[BodyField, ...]) -> Callable[[Any], Any]:
    return posted(
        {200: (ApprovalShape, "Decided.")}, about, name=name, fields=fields, problems=LIFT_PROBLEMS
    )


class Approve(_Decision):
    fields = APPROVE_FIELDS

    @decision(
        "Approves exactly the request with this digest, and carries it out at once. Never one's "
        "own; with a second factor of the last five minutes.",
        "approval_approve",
        APPROVE_FIELDS,
    )
    def post(self, request: Request, approval_id: uuid.UUID) -> Response:
        return self.decided(request, approval_id)

    def decide(self, approval_id: uuid.UUID, actor: Actor) -> Approval:
        row = Approval.objects.filter(id=approval_id).first()
        return approval_approve(
            approval_id=approval_id,
            digest=self.said.text("digest"),
            actor=actor,
            reason=self.said.text("reason"),
            requester_roles=roles_of(row.requested_by) if row else None,
        )


class Reject(_Decision):
    fields = REJECT_FIELDS

    @decision("Says no to another person's request.", "approval_reject", REJECT_FIELDS)
    def post(self, request: Request, approval_id: uuid.UUID) -> Response:
        return self.decided(request, approval_id)

    def decide(self, approval_id: uuid.UUID, actor: Actor) -> Approval:
        reason = self.said.text("reason")
        return approval_reject(approval_id=approval_id, actor=actor, reason=reason)


class Withdraw(_Decision):
    fields = WITHDRAW_FIELDS

    @decision("Takes back one's own request.", "approval_withdraw", WITHDRAW_FIELDS)
    def post(self, request: Request, approval_id: uuid.UUID) -> Response:
        return self.decided(request, approval_id)

    def decide(self, approval_id: uuid.UUID, actor: Actor) -> Approval:
        reason = self.said.text("reason")
        return approval_withdraw(approval_id=approval_id, actor=actor, reason=reason)
