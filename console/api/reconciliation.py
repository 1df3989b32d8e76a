"""The venue against our books: a run on demand, and the runs so far."""

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from console.api.base import ApiView, described
from console.api.bodies import OPERATOR, text_part
from console.api.paging import Order, paged
from console.api.permissions import READ
from console.api.problems import BodyInvalidError
from console.api.queries import CURSOR, LIMIT, name_field
from console.api.serializers import Shape, exact_field, moment_field, text_field
from console.api.writes import WriteView, posted
from riskctl.actors import Actor, NotAllowedError
from trading.clock import utc_now
from trading.models import Break, VenueAccount
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


FIELDS = (
    text_part("account", "Only this venue account; all when not given.", longest=40),
    OPERATOR,
)


class GenerateReport(WriteView):
    """Runs now."""

    fields = FIELDS
    token_scopes = READ

    @posted(
        {200: (ReportShape, "What was found.")},
        "Compares every venue account with our books now, and says what differs.",
        name="reconcile_generate_report",
        fields=FIELDS,
    )
    def post(self, request: Request) -> Response:
        actor = self.actor(request)
        return self.once(request, actor, lambda: self._compared(actor))

    def _compared(self, actor: Actor) -> Response:
        account, sight = self.said.text("account") or None, self.sight
        known = VenueAccount.objects.filter(name=account)
        if account is not None and not sight.sees_whole(account) and known.exists():
            raise NotAllowedError(
                "account-not-yours", f"others trade on {account[:60]} too: risk or SRE compare it"
            )
        try:
            reports = reconcile_run(account=account, asked_by=actor.name, actor=actor)
        except UnknownAccountError as error:
            raise BodyInvalidError(
                "account", f"There is no venue account '{error.account[:80]}'.", error.known
            ) from error
        reports = [one for one in reports if sight.sees_whole(one.account)]
        report = {
            "as_of": utc_now(),
            "asked_by": actor.name,
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
        found = selectors.reconciliations(account=self.given.get("account", ""))
        rows = self.sight.narrowed_accounts(found)
        return paged(request, rows, RUNS_NEWEST, self.given, ReconciliationShape)
