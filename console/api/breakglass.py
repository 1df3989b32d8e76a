"""Break-glass: leave that two people give, its use by one, and the review by another."""

import uuid
from collections.abc import Callable
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from console.access.rights import actor_of
from console.access.visible import NotSeenError
from console.api.base import ApiView, described
from console.api.bodies import OPERATOR, REASON, WHY, BodyField, names_part, text_part, whole_part
from console.api.brake_shapes import ApprovalShape
from console.api.holds import LIFT_PROBLEMS, READ_ONE, asked
from console.api.paging import Order, paged
from console.api.queries import CURSOR, LIMIT, choice
from console.api.serializers import Shape, exact_field, moment_field, text_field
from console.api.writes import WriteView, posted
from riskctl import breakglass as service
from riskctl.actors import Actor
from riskctl.glass_leave import HOURS, leave_ask, leave_end
from riskctl.models import BreakGlass, BreakGlassUse, Hold

STATUS = choice("status", ("waiting", "kept", "returned", "all"), "All when not given.")
LEAVES_QUERY, USES_QUERY = (LIMIT, CURSOR), (STATUS, LIMIT, CURSOR)
ASK_FIELDS = (
    names_part("people", "User names of risk managers who may use it.", required=True),
    names_part("scopes", "strategy:KEY each; never wider.", required=True),
    whole_part("hours", f"For how long, 1 to {HOURS}.", required=True),
    WHY,
    OPERATOR,
)
USE_FIELDS = (
    text_part("digest", "Of what it rests on, as it was shown.", required=True, longest=64),
    text_part("root_cause", "What went wrong.", required=True),
    text_part("rollback", "How, and to which version, to go back.", required=True),
    WHY,
    OPERATOR,
)
KEEP_FIELDS, END_FIELDS = (WHY, OPERATOR), (REASON, OPERATOR)


class LeaveShape(Shape):
    id = text_field()
    people = serializers.ListField(child=serializers.CharField())
    scopes = serializers.ListField(child=serializers.CharField())
    since = moment_field()
    until = moment_field()
    approval = text_field("The request by which two people gave it.")
    ended_by = text_field("Empty unless it was ended before its time.")
    ended_at = moment_field(null=True)


class UseShape(Shape):
    id = text_field()
    leave = text_field(source="leave_id")
    hold = text_field("The kill that was lifted.", source="hold_id")
    scope = text_field(source="hold.scope")
    person = text_field()
    reason = text_field()
    root_cause = text_field()
    rollback = text_field()
    size_factor = exact_field("Share of size and limits at most.")
    used_at = moment_field()
    until = moment_field("Then the hold returns, unless another person keeps it lifted.")
    verdict = text_field("kept, returned, or empty while it waits for a review")
    reviewed_by = text_field()
    reviewed_at = moment_field(null=True)
    review = text_field()
    returned = text_field("The hold that was placed again.", null=True)


class ShownShape(Shape):
    hold = text_field("Id.", source="hold.id")
    scope = text_field(source="hold.scope")
    digest = text_field("Of what the lift rests on; name it to lift exactly this.")
    conditions = serializers.ListField(
        child=serializers.DictField(), help_text="Measured now: name, met, text, evidence."
    )
    reenters = serializers.DictField(help_text="Where strategies would stand, by key.")
    size_factor = exact_field("Share of size and limits at most.")
    leave = LeaveShape(allow_null=True, help_text="Yours for this; null: off.")


class Leaves(WriteView):
    http_method_names = ["get", "head", "post"]
    query = LEAVES_QUERY
    fields = ASK_FIELDS

    @described(
        LeaveShape(many=True), "Leave that was given, newest first.", LEAVES_QUERY,
        name="break_glass",
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        rows = BreakGlass.objects.order_by("-since", "-id")
        return paged(request, rows, Order("since", "id"), self.given, LeaveShape)

    @posted(
        {202: (ApprovalShape, "Asked. Another person decides.")},
        "Asks a second person to let named risk managers lift kills of named strategies alone.",
        name="break_glass_ask",
        fields=ASK_FIELDS,
    )
    def post(self, request: Request) -> Response:
        actor, said = self.actor(request), self.said

        def ask() -> Response:
            return asked(
                leave_ask(
                    people=said.values["people"], scopes=said.values["scopes"],
                    hours=said.values["hours"], actor=actor, reason=said.text("reason"),
                )
            )  # fmt: skip

        return self.once(request, actor, ask)


class LeaveEnd(WriteView):
    fields = END_FIELDS

    @posted(
        {200: (LeaveShape, "Ended.")},
        "Ends leave before its time: risk, SRE, compliance, an administrator, or who it is for.",
        name="break_glass_end",
        fields=END_FIELDS,
        problems=LIFT_PROBLEMS,
    )
    def post(self, request: Request, leave_id: uuid.UUID) -> Response:
        actor, reason = self.actor(request), self.said.text("reason")

        def end() -> Response:
            row = leave_end(leave_id=leave_id, actor=actor, reason=reason)
            return Response(LeaveShape(row).data)

        return self.once(request, actor, end)


class Uses(ApiView):
    query = USES_QUERY

    @described(UseShape(many=True), "Uses, newest first.", USES_QUERY, name="break_glass_uses")
    def get(self, request: Request) -> Response:
        rows = BreakGlassUse.objects.select_related("hold").order_by("-used_at", "-id")
        rows = self.sight.narrowed_scopes(rows, "hold__scope")
        status = self.given.get("status", "all")
        if status != "all":
            rows = rows.filter(verdict="" if status == "waiting" else status)
        return paged(request, rows, Order("used_at", "id"), self.given, UseShape)


class HoldGlass(WriteView):
    http_method_names = ["get", "head", "post"]
    fields = USE_FIELDS

    @described(
        ShownShape,
        "What lifting this kill alone would rest on now, and whether you have leave.",
        name="hold_break_glass",
        problems=READ_ONE,
    )
    def get(self, request: Request, hold_id: uuid.UUID) -> Response:
        self.check_seen(hold_id)
        actor = self.reader(request)
        return Response(ShownShape(service.breakglass_shown(hold_id=hold_id, actor=actor)).data)

    @posted(
        {200: (UseShape, "Lifted, low, for others to review. Everybody is told.")},
        "Lifts a strategy's kill alone, under leave that two people gave beforehand: a risk "
        "manager, with a second factor of the last five minutes and every precondition proven.",
        name="break_glass_use",
        fields=USE_FIELDS,
        problems=LIFT_PROBLEMS,
    )
    def post(self, request: Request, hold_id: uuid.UUID) -> Response:
        actor, said = self.actor(request), self.said

        def use() -> Response:
            self.check_seen(hold_id)
            row = service.breakglass_use(
                hold_id=hold_id, digest=said.text("digest"), actor=actor,
                reason=said.text("reason"), root_cause=said.text("root_cause"),
                rollback=said.text("rollback"),
            )  # fmt: skip
            return Response(UseShape(row).data)

        return self.once(request, actor, use)

    def check_seen(self, hold_id: uuid.UUID) -> None:
        row = Hold.objects.filter(id=hold_id).first()
        if row is not None:
            self.sight.check_scope(row.scope)

    def reader(self, request: Request) -> Actor:
        """Whoever reads; the body that names an operator is a POST's."""
        behind: Any = request.auth
        return actor_of(request._request, behind)


class _Review(WriteView):
    def reviewed(self, request: Request, use_id: uuid.UUID, review: Callable[..., Any]) -> Response:
        actor, reason = self.actor(request), self.said.text("reason")

        def work() -> Response:
            self.check_seen(use_id)
            row = review(use_id=use_id, actor=actor, reason=reason)
            return Response(UseShape(row).data)

        return self.once(request, actor, work)

    def check_seen(self, use_id: uuid.UUID) -> None:
        row = BreakGlassUse.objects.filter(id=use_id).select_related("hold").first()
        if row is not None and not self.sight.sees_scope(row.hold.scope):
            raise NotSeenError("scope-not-yours", f"{row.hold.scope} is on no desk of yours.")


def review(about: str, name: str, fields: tuple[BodyField, ...]) -> Callable[[Any], Any]:
    return posted(
        {200: (UseShape, "Reviewed.")}, about, name=name, fields=fields, problems=LIFT_PROBLEMS
    )


class UseKeep(_Review):
    fields = KEEP_FIELDS

    @review(
        "Another person keeps the kill lifted: risk, SRE or compliance, with a fresh factor.",
        "break_glass_keep",
        KEEP_FIELDS,
    )
    def post(self, request: Request, use_id: uuid.UUID) -> Response:
        return self.reviewed(request, use_id, service.breakglass_keep)


class UseReturn(_Review):
    fields = END_FIELDS

    @review("Holds the strategy again at once.", "break_glass_return", END_FIELDS)
    def post(self, request: Request, use_id: uuid.UUID) -> Response:
        return self.reviewed(request, use_id, service.breakglass_return)
