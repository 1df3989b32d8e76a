"""Gates of a document: what each asks for and what was found, signing off, drills, paper days."""

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from console.api.base import ApiView, described
from console.api.bodies import OPERATOR, REASON, WHY, choice_part, flag_part, text_part, uuid_part
from console.api.engine_shapes import GateShape
from console.api.engines import EnginesView
from console.api.holds import LIFT_PROBLEMS, READ_ONE
from console.api.queries import LIMIT_WHOLE
from console.api.serializers import Shape, moment_field, text_field
from console.api.writes import WriteView, posted
from riskctl.actors import Actor
from trading.engines.versions import version_get
from trading.gates.drills import drill_record
from trading.gates.service import sign_off, sign_off_withdraw, strategy_of
from trading.gates.standing import gates_read
from trading.models import Drill, PaperDay, SignOff
from trading.resume.vitals import vitals_read

GATE = choice_part("gate", SignOff.Gate, "Which sign-off.", required=True)
SHOWN = text_part("shown", "The evidence's digest, as the gates show it.", required=True)
ACCEPTS = flag_part(
    "accepts_latency", "true, for risk: the target latency is not reachable on this machine."
)
SIGN_FIELDS = (GATE, SHOWN, ACCEPTS, WHY, OPERATOR)
WITHDRAW_FIELDS = (GATE, REASON, OPERATOR)
DRILL_FIELDS = (uuid_part("hold", "The kill that was rehearsed.", required=True), REASON, OPERATOR)


class GatesShape(Shape):
    engine = text_field(source="strategy")
    live = serializers.BooleanField(help_text="Its account is real: the gates hold it back.")
    open = serializers.BooleanField(help_text="Every gate is passed now.")
    digest = text_field("SHA-256 of how the document trades; empty without one.")
    shown = text_field("SHA-256 of the evidence: what a sign-off names.")
    maker = text_field("Who made the document, and cannot sign it off.")
    gates = GateShape(many=True, source="conditions")


class SignOffShape(Shape):
    id = text_field()
    engine = text_field(source="name")
    gate = text_field("risk or compliance")
    digest = text_field("SHA-256 of how the document trades.")
    shown = text_field("SHA-256 of the evidence.")
    accepts_latency = serializers.BooleanField()
    signed_by = text_field()
    signed_at = moment_field()
    reason = text_field()


class PaperDayShape(Shape):
    engine = text_field(source="name")
    day = serializers.DateField()
    digest = text_field("SHA-256 of how the document traded.")
    counts = serializers.BooleanField()
    why = text_field("Why it does not count; else empty.")
    orders = serializers.IntegerField()
    pnl = text_field("USD after fees.")
    drawdown = text_field("Deepest fall within the day, USD.")
    capital = text_field(
        "Smallest gross-notional limit of that day, USD; null: at a time none was set.", null=True
    )


class DrillShape(Shape):
    kind = text_field()
    digest = text_field("SHA-256 of what it rests on.")
    account = text_field(source="account_id")
    happened_at = moment_field()
    made_by = text_field()
    made_at = moment_field()
    reason = text_field()
    evidence = serializers.JSONField(source="body")


class EngineGates(EnginesView):
    @described(
        GatesShape, "Every gate between the latest document and real money, measured now.",
        name="engine_gates", problems=READ_ONE,
    )  # fmt: skip
    def get(self, request: Request, engine: str) -> Response:
        self.check_seen(engine)
        version_get(engine)
        return Response(GatesShape(gates_read(strategy_of(engine), vitals_read())).data)


class EnginePaperDays(EnginesView):
    query = (LIMIT_WHOLE,)

    @described(
        PaperDayShape(many=True), "Days on the rung paper as they were judged, newest first.",
        (LIMIT_WHOLE,), name="engine_paper_days", problems=READ_ONE,
    )  # fmt: skip
    def get(self, request: Request, engine: str) -> Response:
        self.check_seen(engine)
        rows = PaperDay.objects.filter(name=engine).order_by("-day")
        return Response(PaperDayShape(rows[: self.given.get("limit")], many=True).data)


class EngineSignOff(WriteView, EnginesView):
    fields = SIGN_FIELDS

    @posted(
        {200: (SignOffShape, "Signed, for this document and this evidence.")},
        "Signs a gate off, on the evidence that `GET …/gates` shows. By a person of the role, with "
        "a fresh second factor, who neither made the document nor signed the other gate.",
        name="engine_sign_off",
        fields=SIGN_FIELDS,
        problems=LIFT_PROBLEMS,
    )
    def post(self, request: Request, engine: str) -> Response:
        actor = self.actor(request)
        self.check_seen(engine)

        def work() -> Response:
            row = sign_off(
                strategy=engine, gate=self.said.text("gate"), shown=self.said.text("shown"),
                accepts_latency=bool(self.said.values.get("accepts_latency")), actor=actor,
                reason=self.said.text("reason"),
            )  # fmt: skip
            row.refresh_from_db()
            return Response(SignOffShape(row).data)

        return self.once(request, actor, work)


class EngineWithdraw(WriteView, EnginesView):
    fields = WITHDRAW_FIELDS

    @posted(
        {200: (SignOffShape(many=True), "Those that were taken back.")},
        "Takes a gate's sign-off back. At once, by one person; what trades real money comes down.",
        name="engine_withdraw",
        fields=WITHDRAW_FIELDS,
        problems=LIFT_PROBLEMS,
    )
    def post(self, request: Request, engine: str) -> Response:
        actor = self.actor(request)
        self.check_seen(engine)
        return self.once(request, actor, lambda: self.withdraw(engine, actor))

    def withdraw(self, engine: str, actor: Actor) -> Response:
        rows = sign_off_withdraw(
            strategy=engine, gate=self.said.text("gate"), actor=actor,
            reason=self.said.text("reason"),
        )  # fmt: skip
        return Response(SignOffShape(rows, many=True).data)


class Drills(WriteView, ApiView):
    http_method_names = ["get", "head", "post"]
    query = (LIMIT_WHOLE,)
    fields = DRILL_FIELDS

    @described(
        DrillShape(many=True), "Drills that were recorded, newest first.", (LIMIT_WHOLE,),
        name="drills",
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        rows = self.sight.narrowed_accounts(Drill.objects.order_by("-happened_at", "-id"))
        return Response(DrillShape(rows[: self.given.get("limit")], many=True).data)

    @posted(
        {200: (DrillShape, "Recorded; or the one that was there.")},
        "Records a kill of a rehearsal account as a drill: proven effective within 5 s by its own "
        "gateway, nothing in flight, nothing left open, books agreeing afterwards.",
        name="drill_record",
        fields=DRILL_FIELDS,
        problems=LIFT_PROBLEMS,
    )
    def post(self, request: Request) -> Response:
        actor = self.actor(request)

        def work() -> Response:
            hold = self.said.values["hold"]
            row = drill_record(hold_id=hold, actor=actor, reason=self.said.text("reason"))
            row.refresh_from_db()
            return Response(DrillShape(row).data)

        return self.once(request, actor, work)
