"""What stops: one call, one hold. Nothing here waits for more than the proof itself."""

import uuid
from collections.abc import Callable
from typing import Any, ClassVar

import structlog
from rest_framework.request import Request
from rest_framework.response import Response

from console.access.capability import Capability
from console.access.promptly import Asked
from console.access.visible import NOTHING, Sight
from console.api.authentication import ASK_S
from console.api.bodies import OPERATOR, REASON, flag_part, noted, text_part
from console.api.brake_shapes import ReceiptShape
from console.api.naming import AWAY, Known, StopKey, known_under, scope_exists
from console.api.problems import DATABASE_OUT, BodyInvalidError, NotLatchedError
from console.api.writes import STOP_PROBLEMS, LenientView, posted
from riskctl.actors import Actor
from riskctl.desk import brakes_desk
from riskctl.holds import FIRM, Kind, Mode, check_scope
from riskctl.placing import Placing, hold_place
from riskctl.receipts import receipt_body

log = structlog.get_logger(__name__)

SCOPE = text_part(
    "scope", "firm (when not given), venue:NAME, strategy:KEY or instrument:SYMBOL", longest=100
)
PROTECTIVE = flag_part("protective_too", "Cancel protective reduce-only stops as well.")
SCOPED = (SCOPE, REASON, OPERATOR)
SCOPED_CANCELLING = (*SCOPED, PROTECTIVE)
NAMED = (REASON, OPERATOR)
NAMED_CANCELLING = (*NAMED, PROTECTIVE)
ANSWERS: dict[int, tuple[Any, str]] = {
    200: (ReceiptShape, "Effective: no order that it forbids can leave, as the receipt proves."),
    202: (
        ReceiptShape,
        "Latched: it lasts, but a gateway is not proven yet; it is named, with its deadline.",
    ),
}


class StopView(LenientView):
    """Places one hold. ``place`` is the service, or what a test puts in its place."""

    kind: ClassVar[Kind]
    mode: ClassVar[Mode | None] = None
    place: ClassVar[Callable[..., Placing]] = staticmethod(hold_place)

    def scope(self) -> str:
        """Of the body, else the firm. Raises BodyInvalidError, riskctl.holds.ScopeError.

        A scope that cannot be read is the one thing a stop does not guess at.
        """
        if "scope" in self.said.ignored:
            raise BodyInvalidError("scope", "'scope' has a wrong value.", SCOPE.allowed)
        return check_scope(self.said.text("scope") or FIRM)

    def stop(self, request: Request, scope: str) -> Response:
        actor = self.actor(request)
        path = request._request.path.rstrip("/")
        key = StopKey(
            actor, path, self.key, scope, self.kind, self.mode, self.said_too("protective_too")
        )
        silent = isinstance(request.auth, Capability)
        known = looked_up(scope, key, silent=silent, sight=lambda: self.sight)
        if known.receipt is not None and known.receipt.effective:
            return placed(receipt_body(known.receipt, brakes_desk().signer))
        return placed(self.placing(scope, actor, known.hold_id).body())

    def placing(self, scope: str, actor: Actor, hold_id: uuid.UUID | None) -> Placing:
        return self.place(
            scope=scope,
            kind=self.kind,
            mode=self.mode,
            actor=actor,
            reason=noted(self.said.text("reason"), self.said.ignored),
            protective_too=self.said_too("protective_too"),
            hold_id=hold_id,
        )

    def said_too(self, name: str) -> bool:
        return bool(self.said.values.get(name, False))


def looked_up(
    scope: str, key: StopKey, *, silent: bool, sight: Callable[[], Sight] = lambda: NOTHING
) -> Known:
    """Whether the scope exists and what the key means, if the database says so in time.

    ``silent``: it did not a moment ago, so it is not asked; ``sight``: how much the caller may see.
    Raises NoSuchError.
    """
    asked = None if silent else Asked(lambda: _look_up(scope, key, sight))
    try:
        if asked is not None:
            return asked.result(ASK_S)
    except (TimeoutError, *DATABASE_OUT) as error:
        log.warning("stop.unasked", scope=scope, error=type(error).__name__)
    return Known(AWAY.place(key) if key.key else None, None)


def _look_up(scope: str, key: StopKey, sight: Callable[[], Sight]) -> Known:
    scope_exists(scope, sight)
    return known_under(key)


def placed(receipt: dict[str, Any], **extra: Any) -> Response:
    """200 when effective, else 202. Raises NotLatchedError when nobody knows the hold."""
    effective = receipt["status"] == "effective"
    if not effective and receipt["latched_at"] is None:
        raise NotLatchedError(receipt)
    headers = {"Location": f"/api/holds/{receipt['hold']['id']}"}
    return Response({**receipt, **extra}, 200 if effective else 202, headers=headers)


class TradingHalt(StopView):
    kind = Kind.PAUSE
    fields = SCOPED

    @posted(
        ANSWERS,
        "Halts new orders on the firm or the scope. Cancels nothing.",
        name="trading_halt",
        fields=SCOPED,
        problems=STOP_PROBLEMS,
    )
    def post(self, request: Request) -> Response:
        return self.stop(request, self.scope())


class StopTrading(StopView):
    kind = Kind.KILL
    fields = SCOPED_CANCELLING

    @posted(
        ANSWERS,
        "Kill switch: halts new orders on the firm or the scope and cancels what is open. Lifted "
        "by two people only.",
        name="emergency_stop_trading",
        fields=SCOPED_CANCELLING,
        problems=STOP_PROBLEMS,
    )
    def post(self, request: Request) -> Response:
        return self.stop(request, self.scope())


class Freeze(StopView):
    kind = Kind.KILL
    mode = Mode.FROZEN
    fields = SCOPED_CANCELLING

    @posted(
        ANSWERS,
        "As the kill switch, and ordered flattening stops too: nothing leaves but cancels.",
        name="emergency_freeze",
        fields=SCOPED_CANCELLING,
        problems=STOP_PROBLEMS,
    )
    def post(self, request: Request) -> Response:
        return self.stop(request, self.scope())


class StopNewPositions(StopView):
    kind = Kind.REDUCE_ONLY
    fields = SCOPED

    @posted(
        ANSWERS,
        "Reduce-only on the firm or the scope: only what reduces a position passes.",
        name="emergency_stop_new_positions",
        fields=SCOPED,
        problems=STOP_PROBLEMS,
    )
    def post(self, request: Request) -> Response:
        return self.stop(request, self.scope())


class Regulatory(StopView):
    kind = Kind.REGULATORY
    fields = SCOPED

    @posted(
        ANSWERS,
        "Regulatory hold, by compliance. Lifted by compliance and risk together.",
        name="regulatory",
        fields=SCOPED,
        problems=STOP_PROBLEMS,
    )
    def post(self, request: Request) -> Response:
        return self.stop(request, self.scope())


class StrategyPause(StopView):
    kind = Kind.PAUSE
    fields = NAMED

    @posted(
        ANSWERS,
        "Halts new orders of one strategy. Cancels nothing.",
        name="strategy_pause",
        fields=NAMED,
        problems=STOP_PROBLEMS,
    )
    def post(self, request: Request, strategy: str) -> Response:
        return self.stop(request, f"strategy:{strategy}")


class StrategyKill(StopView):
    kind = Kind.KILL
    fields = NAMED_CANCELLING

    @posted(
        ANSWERS,
        "Halts one strategy and cancels its open orders. Lifted by two people only.",
        name="strategy_kill",
        fields=NAMED_CANCELLING,
        problems=STOP_PROBLEMS,
    )
    def post(self, request: Request, strategy: str) -> Response:
        return self.stop(request, f"strategy:{strategy}")
