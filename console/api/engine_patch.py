"""``kubectl patch tradingengine``, by REST. Its stops are stops like any other."""

from rest_framework.request import Request
from rest_framework.response import Response

from console.api.bodies import OPERATOR, REASON, body_read_leniently, noted, object_part
from console.api.engine_stops import stopped
from console.api.engines import ANSWERS, DRY_RUN, answered
from console.api.writes import (
    STOP_PROBLEMS,
    LenientView,
    StrictStopView,
    posted,
    version_seen,
)
from riskctl.actors import Actor
from trading.engines.service import engine_patch
from trading.engines.stopping import only_stops, stop_in_patch

PATCH_FIELDS = (
    object_part("patch", "Merged into the latest version (RFC 7396).", required=True),
    DRY_RUN,
    REASON,
    OPERATOR,
)


class EnginePatch(StrictStopView):
    """A stop in it is placed first; a token with the scope `stop` may that, and nothing more.

    Its body is read as a stop's where it is one, strictly otherwise.
    """

    token_scopes = frozenset({"stop"})
    fields = PATCH_FIELDS

    @posted(
        ANSWERS,
        "Merges a patch into the latest document and applies it. A riskLimit of 0% and the phase "
        "Emergency-Stop are a kill, the phase Paused a pause: placed at once, whatever else the "
        "patch says, and answered with the receipt and with what became of the rest. With If-Match "
        "the rest is merged only while the latest is that version.",
        name="engine_patch",
        fields=PATCH_FIELDS,
        problems=(*STOP_PROBLEMS, 409, 412),
    )
    def post(self, request: Request, engine: str) -> Response:
        actor, patch = self.actor(request), self.said.values["patch"]
        wished = stop_in_patch(engine, patch)
        if wished is None or self.said.values.get("dry_run"):
            return self.once(request, actor, lambda: self.rest(request, engine, actor))
        reason = noted(self.said.text("reason"), self.said.ignored)
        return stopped(
            request, wished, actor, reason, key=self.key,
            sight=lambda: self.sight,
            rest=None if only_stops(patch) else lambda: self.rest(request, engine, actor),
        )  # fmt: skip

    def read_said(self, request: Request, raw: bytes) -> None:
        lenient = body_read_leniently(raw, self.fields)
        if stop_in_patch("any", lenient.values.get("patch")) is None:
            super().read_said(request, raw)
        else:
            LenientView.read_said(self, request, raw)

    def rest(self, request: Request, engine: str, actor: Actor) -> Response:
        self.sight.check(engine)
        return answered(
            engine_patch(
                name=engine, patch=self.said.values["patch"], actor=actor,
                reason=self.said.text("reason"), version=version_seen(request),
                dry_run=bool(self.said.values.get("dry_run")),
            )
        )  # fmt: skip
