"""The stop in a document or a patch: placed first, and answered with what became of the rest."""

from collections.abc import Callable
from typing import Any

from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response

from console.access.capability import Capability
from console.access.visible import Sight
from console.api.naming import StopKey
from console.api.problems import DATABASE_OUT
from console.api.stops import looked_up, placed
from riskctl.actors import Actor, NotAllowedError
from riskctl.approvals import RequestError
from riskctl.conditions import PreconditionError
from riskctl.desk import brakes_desk
from riskctl.holds import check_scope
from riskctl.receipts import receipt_body
from trading.engines.halting import engine_stop
from trading.engines.problems import EngineInvalidError
from trading.engines.stopping import StopWished
from trading.engines.versions import NoSuchEngineError

NOT_APPLIED = (
    EngineInvalidError, NoSuchEngineError, NotAllowedError, PreconditionError, RequestError,
    APIException, *DATABASE_OUT,
)  # fmt: skip


def stopped(
    request: Request,
    wished: StopWished,
    actor: Actor,
    reason: str,
    *,
    key: str,
    sight: Callable[[], Sight],
    rest: Callable[[], Response] | None,
) -> Response:
    """200 when effective, 202 while latched; ``applied`` or ``not_applied`` say what became of
    ``rest``. The stop stands either way. The same ``key`` again means the same hold while that is
    open."""
    scope = check_scope(wished.scope)
    path = request._request.path.rstrip("/")
    known = looked_up(
        scope, StopKey(actor, path, key, scope, wished.kind, None),
        silent=isinstance(request.auth, Capability), sight=sight,
    )  # fmt: skip
    if known.receipt is not None and known.receipt.effective:
        receipt = receipt_body(known.receipt, brakes_desk().signer)
    else:
        receipt = engine_stop(
            wished=wished, actor=actor, reason=reason, hold_id=known.hold_id
        ).body()
    if rest is None:
        return placed(receipt)
    more: dict[str, Any] = {}
    try:
        more["applied"] = rest().data
    except NOT_APPLIED as error:
        more["not_applied"] = str(error)
    return placed(receipt, **more)
