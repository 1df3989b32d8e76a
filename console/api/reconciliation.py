"""The venue against our books: a run on demand, and the runs so far."""

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ParseError
from rest_framework.request import Request
from rest_framework.response import Response

from audit.models import ActorKind
from console.access.requests import address, request_id
from console.api.base import DATA_PROBLEMS, PROBLEMS, ApiView, ProblemSerializer, described
from console.api.paging import Order, paged
from console.api.problems import MEDIA_TYPE, QueryInvalidError
from console.api.queries import CURSOR, LIMIT, name_field
from console.api.serializers import Shape, exact_field, moment_field, text_field
from console.models import ApiToken
from riskctl.actors import Actor
from trading.clock import utc_now
from trading.models import Break
from trading.reconciliation import selectors
from trading.reconciliation.service import UnknownAccountError, reconcile_run

ACCOUNT = name_field("account", "Only of this venue account.")
RUNS_QUERY = (ACCOUNT, LIMIT, CURSOR)
RUNS_NEWEST = Order("at", "id")


class ComparedShape(Shape):
    """How many of each were compared; all 0 where nothing was."""

    positions = serializers.IntegerField(default=0)
    orders = serializers.IntegerField(default=0)
    fills = serializers.IntegerField(default=0)
    cash = serializers.IntegerField(default=0, help_text="Currencies.")
    fill_sequence = serializers.IntegerField(default=0, help_text="Both sides as of this fill.")


class BreakShape(Shape):
    id = text_field()
    account = text_field(source="account_id")
    what = serializers.ChoiceField(Break.What.choices)
    key = text_field("Symbol, order, fill or currency; 'SYMBOL books' is ours against our fills.")
    ours = text_field()
    theirs = text_field("The venue's.")
    value = exact_field("USD at the latest mid; null: it cannot be valued.", null=True)
    first_seen = moment_field()
    last_seen = moment_field()
    accepted = text_field("The approval by which two people took it.", null=True)


class ReconciliationShape(Shape):
    id = serializers.IntegerField()
    account = text_field(source="account_id")
    at = moment_field("When the venue was asked.")
    agrees = serializers.BooleanField(help_text="Compared, and no break at all.")
    why = serializers.CharField(
        source="compared.why", default="", help_text="Why nothing was compared; else empty."
    )
    compared = ComparedShape()
    breaks = serializers.ListField(child=serializers.CharField(), help_text="As kind:key.")
    asked_by = text_field("schedule, or who asked.")


class AccountReportShape(Shape):
    id = serializers.IntegerField(help_text="Of the run, as in /api/reconciliations.")
    account = text_field()
    at = moment_field("When the venue was asked.")
    agrees = serializers.BooleanField(help_text="Compared, and no break at all.")
    why = text_field("Why nothing was compared; then the breaks are those open before.")
    compared = ComparedShape()
    breaks = BreakShape(many=True)
    last_agreed = moment_field("Of the last comparison without any break.", null=True)


class ReportShape(Shape):
    as_of = moment_field()
    asked_by = text_field()
    agrees = serializers.BooleanField(help_text="Every account is.")
    accounts = AccountReportShape(many=True)


class ReportRequestShape(Shape):
    account = serializers.CharField(
        required=False, help_text="Only this venue account; all when not given."
    )
    operator = serializers.CharField(
        required=False, help_text="Recorded as claimed; who acted is whom the token proves."
    )


class BodyInvalidError(QueryInvalidError):
    """A field of the body is unknown or its value is wrong."""

    def __init__(self, name: str, message: str, allowed: list[str] | str) -> None:
        super().__init__(name, message, allowed)
        self.detail = ErrorDetail(message, "body-invalid")


class GenerateReport(ApiView):
    """Runs now. The body may be empty, and is read as JSON whatever curl calls it."""

    http_method_names = ["post"]
    fields: ClassVar[tuple[str, ...]] = ("account", "operator")

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        # Before anything else reads the request as a form, which would use its bytes up.
        self.raw = request._request.body
        super().initial(request, *args, **kwargs)

    @extend_schema(
        operation_id="reconcile_generate_report",
        description="Compares every venue account with our books now, and says what differs.",
        request=ReportRequestShape,
        responses={
            (200, "application/json"): OpenApiResponse(ReportShape, "What was found."),
            **{
                (status, MEDIA_TYPE): OpenApiResponse(ProblemSerializer, PROBLEMS[status])
                for status in DATA_PROBLEMS
            },
            (400, MEDIA_TYPE): OpenApiResponse(
                ProblemSerializer,
                "The body is no JSON (body-malformed), or a field of it is unknown or wrong "
                "(body-invalid); names it and what is allowed.",
            ),
        },
    )
    def post(self, request: Request) -> Response:
        given = _body(self.raw, self.fields)
        who = _actor(request, given.get("operator", ""))
        try:
            reports = reconcile_run(account=given.get("account"), asked_by=who.name, actor=who)
        except UnknownAccountError as error:
            raise BodyInvalidError(
                "account", f"There is no venue account '{error.account[:80]}'.", error.known
            ) from error
        report = {
            "as_of": utc_now(),
            "asked_by": who.name,
            "agrees": all(one.agrees for one in reports),
            "accounts": reports,
        }
        return Response(ReportShape(report).data)


class Reconciliations(ApiView):
    query = RUNS_QUERY

    @described(
        ReconciliationShape(many=True),
        "Comparisons of venue accounts with our books, newest first.",
        query,
        name="reconciliations",
    )
    def get(self, request: Request) -> Response:
        rows = selectors.reconciliations(account=self.given.get("account", ""))
        return paged(request, rows, RUNS_NEWEST, self.given, ReconciliationShape)


def _body(raw: bytes, fields: tuple[str, ...]) -> Mapping[str, str]:
    """Raises ParseError, and BodyInvalidError naming the field."""
    if not raw.strip():
        return {}
    try:
        given = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise ParseError from error
    if not isinstance(given, dict):
        raise ParseError
    for name, value in given.items():
        if name not in fields:
            raise BodyInvalidError(str(name)[:80], "Unknown field of the body.", list(fields))
        if not isinstance(value, str) or not 1 <= len(value) <= 150 or "\0" in value:
            raise BodyInvalidError(name, f"'{name}' has a wrong value.", "1 to 150 characters")
    return given


def _actor(request: Request, claimed: str) -> Actor:
    plain = request._request
    token = isinstance(request.auth, ApiToken)
    return Actor(
        kind=(ActorKind.TOKEN if token else ActorKind.PERSON).value,
        name=str(request.auth) if token else request.user.get_username(),
        on_behalf_of=claimed,
        source=address(plain),
        request_id=request_id(plain),
    )
