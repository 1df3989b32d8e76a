"""Access reviews and alerts about gains of privilege, for people of the roles that review."""

import uuid
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from console.access import review as reviews
from console.access.escalation import escalation_acknowledge, escalations_open, unwatched
from console.access.review_report import report_read
from console.access.rights import actor_of
from console.api.base import ApiView, described
from console.api.bodies import OPERATOR, WHY, text_part
from console.api.holds import LIFT_PROBLEMS, READ_ONE
from console.api.paging import Order, paged
from console.api.permissions import PeopleOnly, ReadAccess
from console.api.problems import NoSuchError
from console.api.queries import CURSOR, LIMIT, choice
from console.api.serializers import Shape, moment_field, text_field
from console.api.writes import WriteView, posted
from console.models import AccessReview, Escalation
from riskctl.approvals.recording import database_now

PREPARE_FIELDS = (WHY, OPERATOR)
NOTE = text_part("note", "What it was.", required=True, longest=1_500)
ACKNOWLEDGE_FIELDS = (NOTE, OPERATOR)
STATUS = choice("status", ("open", "all"), "open: nothing accounts for it, nobody acknowledged it.")
ALERT_QUERY = (STATUS, LIMIT, CURSOR)


class AccessReportShape(Shape):
    as_of = moment_field()
    people = serializers.ListField(child=serializers.DictField(), help_text="Who can do what.")
    tokens = serializers.ListField(child=serializers.DictField())
    findings = serializers.ListField(
        child=serializers.DictField(), help_text="What to look at: kind, who, text."
    )
    last_signed_at = moment_field("When a review was signed off last.", null=True)
    next_due_at = moment_field("Null: at once, none was signed yet.", null=True)
    overdue = serializers.BooleanField()
    alerts_open = serializers.IntegerField(help_text="Gains that nothing accounts for.")
    unwatched = serializers.ListField(
        child=serializers.CharField(), help_text="Tables in which gains would not be seen."
    )


class ReviewShape(Shape):
    id = text_field()
    prepared_at = moment_field()
    prepared_by = text_field()
    digest = text_field("SHA-256 of the report, canonical.")
    material = text_field("SHA-256 of who can do what, without times of use.")
    approval = text_field("The request by which two people sign.", null=True)
    signed_at = moment_field(null=True)
    signed_by = text_field("Empty: not signed.")


class KeptShape(ReviewShape):
    report = serializers.DictField()
    intact = serializers.SerializerMethodField(help_text="The report still fits its digest.")

    def get_intact(self, row: AccessReview) -> bool:
        return reviews.review_intact(row)


class AlertShape(Shape):
    id = serializers.IntegerField()
    happened_at = moment_field()
    kind = text_field(f"One of {', '.join(Escalation.Kind.values)}.")
    who = text_field("A person, or group:NAME.")
    what = text_field("What was gained.")
    path = text_field("Role, program and address of the database session it came by.")
    approval = text_field("The request that accounts for it.", null=True)
    account = text_field("What else does.")
    explained = serializers.BooleanField()
    acknowledged_at = moment_field(null=True)
    acknowledged_by = text_field()
    note = text_field()


class _ForReviewers(ApiView):
    """For people whose role reviews, whatever they ask."""

    permission_classes = (ReadAccess, PeopleOnly)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        behind: Any = request.auth
        reviews.check_sees(actor_of(request._request, behind))


class AccessReviewNow(_ForReviewers, WriteView):
    http_method_names = ["get", "head", "post"]
    fields = PREPARE_FIELDS

    @described(
        AccessReportShape, "Who can do what now, and when a review is due.", name="access_review"
    )
    def get(self, request: Request) -> Response:
        now = database_now()
        due = reviews.review_due(now)
        facts = {
            "last_signed_at": due.last, "next_due_at": due.next_at, "overdue": due.overdue,
            "alerts_open": escalations_open(), "unwatched": unwatched(),
        }  # fmt: skip
        return Response({**report_read(now), **_written(facts)})

    @posted(
        {201: (ReviewShape, "Kept. Risk or an administrator signs it off: see 'approval'.")},
        "Keeps the report as it is and asks a second person to sign it off. Compliance, with a "
        "second factor of the last five minutes.",
        name="access_review_prepare",
        fields=PREPARE_FIELDS,
        problems=LIFT_PROBLEMS,
    )
    def post(self, request: Request) -> Response:
        actor, said = self.actor(request), self.said

        def prepare() -> Response:
            row = reviews.review_prepare(actor=actor, reason=said.text("reason"))
            headers = {"Location": f"/api/access-reviews/{row.id}"}
            return Response(ReviewShape(row).data, 201, headers=headers)

        return self.once(request, actor, prepare)


def _written(facts: dict[str, Any]) -> dict[str, Any]:
    """The part of AccessReportShape that is not in the report itself."""
    moments = ("last_signed_at", "next_due_at")
    field = moment_field()
    return {
        name: field.to_representation(value) if name in moments and value else value
        for name, value in facts.items()
    }


class AccessReviews(_ForReviewers):
    query = (LIMIT, CURSOR)

    @described(
        ReviewShape(many=True), "Reviews that were prepared, newest first.", (LIMIT, CURSOR),
        name="access_reviews",
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        rows = AccessReview.objects.order_by("-prepared_at", "-id")
        return paged(request, rows, Order("prepared_at", "id"), self.given, ReviewShape)


class AccessReviewOne(_ForReviewers):
    @described(KeptShape, "One review with its report.", name="access_review_kept",
               problems=READ_ONE)  # fmt: skip
    def get(self, request: Request, review_id: uuid.UUID) -> Response:
        row = AccessReview.objects.filter(pk=review_id).first()
        if row is None:
            raise NoSuchError(f"There is no review {review_id}. See /api/access-reviews.")
        return Response(KeptShape(row).data)


class Alerts(_ForReviewers):
    query = ALERT_QUERY

    @described(AlertShape(many=True), "Gains of privilege, newest first.", ALERT_QUERY,
               name="access_alerts")  # fmt: skip
    def get(self, request: Request) -> Response:
        rows = Escalation.objects.order_by("-happened_at", "-id")
        if self.given.get("status", "all") == "open":
            rows = rows.filter(acknowledged_at=None, approval=None, account="")
        return paged(request, rows, Order("happened_at", "id"), self.given, AlertShape)


class AlertAcknowledge(_ForReviewers, WriteView):
    http_method_names = ["post"]
    fields = ACKNOWLEDGE_FIELDS

    @posted(
        {200: (AlertShape, "Acknowledged.")},
        "Says what a gain of privilege was. An administrator or compliance, never who gained.",
        name="access_alert_acknowledge",
        fields=ACKNOWLEDGE_FIELDS,
        problems=LIFT_PROBLEMS,
    )
    def post(self, request: Request, escalation_id: int) -> Response:
        actor, note = self.actor(request), self.said.text("note")

        def acknowledge() -> Response:
            row = escalation_acknowledge(
                escalation_id=int(escalation_id), actor=actor, note=note
            )  # fmt: skip
            return Response(AlertShape(row).data)

        return self.once(request, actor, acknowledge)
