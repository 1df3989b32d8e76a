"""``haltline apply``, by REST. Its stops are stops like any other."""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from console.api.base import ApiView, described
from console.api.bodies import OPERATOR, REASON, body_read_leniently, noted
from console.api.engine_shapes import StandingShape
from console.api.engine_stops import stopped
from console.api.engines import ANSWERS, CONFIG, DRY_RUN, EnginesView, answered
from console.api.holds import LIFT_PROBLEMS
from console.api.queries import LIMIT_WHOLE
from console.api.writes import LenientView, StrictStopView, posted, version_seen
from riskctl.actors import Actor
from trading.engines.reading import read_engine
from trading.engines.service import engine_apply
from trading.engines.standing import engine_standings
from trading.engines.stopping import stop_in_document
from trading.models import Strategy

APPLY_FIELDS = (CONFIG, DRY_RUN, REASON, OPERATOR)
_READING = ApiView()


class Engines(StrictStopView, EnginesView):
    """A stop in a document is placed first; a token with the scope `stop` may that, and nothing
    more. Its body is read as a stop's where it is one, strictly otherwise.
    """

    http_method_names = ["get", "head", "post"]
    query = (LIMIT_WHOLE,)
    fields = APPLY_FIELDS

    @described(
        StandingShape(many=True), "Engines by name, and whether their latest document is in force.",
        (LIMIT_WHOLE,), name="engines",
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        rows = [one for one in engine_standings() if self.sees(one.name)]
        return Response(StandingShape(rows[: self.given.get("limit")], many=True).data)

    @posted(
        ANSWERS,
        "Applies a document: it is kept as a version, what it lowers is lowered at once, what it "
        "raises becomes a request that another person decides, risk being one of the two. A stop "
        "in it (riskLimit 0%, phase) is placed first, whatever else it says, and answered with its "
        "receipt and with what became of the rest. With If-Match the rest is applied only while "
        "the latest is that version.",
        name="engine_apply",
        fields=APPLY_FIELDS,
        problems=(*LIFT_PROBLEMS, 412),
    )
    def post(self, request: Request) -> Response:
        actor = self.actor(request)
        wished = stop_in_document(self.said.text("config"))
        if wished is None or self.said.values.get("dry_run"):
            return self.once(request, actor, lambda: self.apply(request, actor))
        reason = noted(self.said.text("reason"), self.said.ignored)
        return stopped(
            request, wished, actor, reason, key=self.key,
            sight=lambda: self.sight,
            rest=lambda: self.apply(request, actor),
        )  # fmt: skip

    def read_said(self, request: Request, raw: bytes) -> None:
        lenient = body_read_leniently(raw, self.fields)
        if stop_in_document(lenient.text("config")) is None:
            super().read_said(request, raw)
        else:
            LenientView.read_said(self, request, raw)

    def get_authenticators(self) -> list[Any]:
        """The list is read as everything is read: by the database."""
        return super().get_authenticators() if self.posts else _READING.get_authenticators()

    def get_content_negotiator(self) -> Any:
        return super().get_content_negotiator() if self.posts else _READING.get_content_negotiator()

    @property
    def posts(self) -> bool:
        return self.request is None or self.request.method == "POST"

    def apply(self, request: Request, actor: Actor) -> Response:
        text = self.said.text("config")
        name = read_engine(text).name
        if Strategy.objects.filter(key=name).exists():
            self.sight.check(name)
        return answered(
            engine_apply(
                text=text, actor=actor, reason=self.said.text("reason"),
                dry_run=bool(self.said.values.get("dry_run")), version=version_seen(request),
            )
        )  # fmt: skip
