"""Stop-losses on open positions, by percentage, in one call."""

import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from console.access.capability import Capability
from console.api.bodies import OPERATOR, REASON, flag_part, names_part, number_part
from console.api.brake_shapes import StopLossesShape
from console.api.naming import StopKey
from console.api.problems import BodyInvalidError
from console.api.stops import SCOPE, looked_up
from console.api.writes import STOP_PROBLEMS, StrictStopView, posted
from riskctl.actors import NotAllowedError
from riskctl.control import StopLine
from riskctl.holds import FIRM, Kind, check_scope
from riskctl.stoplosses import (
    LEAST,
    MOST,
    NOT_YOURS,
    StopLosses,
    may_set_stop_losses,
    percentage_of,
    stop_losses_set,
)
from trading.clock import utc_now
from trading.universe import UNIVERSE

_NAMESPACE = uuid.UUID("5a0d2f0c-2f5b-5b0e-9d43-7b0f6a1c9e21")
PERCENTAGE = number_part(
    "percentage",
    "How far below (a long position) or above (a short one) the latest mid the stop is.",
    f"a number from {LEAST} to {MOST} with two decimals at most",
    percentage_of,
    required=True,
)
SYMBOLS = names_part("symbols", "Of these instruments alone.")
DRY_RUN = flag_part("dry_run", "true: say which stops there would be, and do nothing.")
FIELDS = (PERCENTAGE, SCOPE, SYMBOLS, REASON, OPERATOR, DRY_RUN)


class SetStopLosses(StrictStopView):
    """Lets its caller in as a stop does. Its body is read strictly: it trades."""

    token_scopes = frozenset({"flatten"})
    fields = FIELDS
    order: ClassVar[Callable[..., StopLosses]] = staticmethod(stop_losses_set)

    @posted(
        {
            200: (StopLossesShape, "Every open position is covered; with dry_run only a preview."),
            202: (
                StopLossesShape,
                "A position is not covered (it says why), or a gateway did not answer.",
            ),
        },
        "Puts a reduce-only stop under every open position of the firm or the scope, at a "
        "percentage of its latest mid: resting at the venue where the venue has stops, else "
        "watched and closed by the gateway. One that stands only moves towards the price. Risk, "
        "a trader on a strategy of their own, or a token with the scope 'flatten'; also while "
        "trading is stopped.",
        name="emergency_set_stop_losses",
        fields=FIELDS,
        problems=STOP_PROBLEMS,
    )
    def post(self, request: Request) -> Response:
        scope, actor = check_scope(self.said.text("scope") or FIRM), self.actor(request)
        if not may_set_stop_losses(actor, scope):
            raise NotAllowedError("stop-losses-not-yours", NOT_YOURS)
        symbols = _known(self.said.values.get("symbols", []))
        looked_up(
            scope,
            StopKey(actor, "", "", scope, Kind.PAUSE, None),
            silent=isinstance(request.auth, Capability),
            sight=lambda: self.sight,
        )
        done = self.order(
            scope=scope,
            percentage=self.said.values["percentage"],
            actor=actor,
            reason=self.said.text("reason"),
            symbols=symbols,
            dry_run=bool(self.said.values.get("dry_run")),
            request_id=self.request_id(actor.name, scope),
        )
        return Response(StopLossesShape(body_of(done)).data, 200 if done.complete else 202)

    def request_id(self, caller: str, scope: str) -> uuid.UUID | None:
        """Of a repeated key: the same request again changes nothing that stands."""
        if not self.key:
            return None
        said = (caller, self.key, scope, f"{self.said.values['percentage']:f}")
        return uuid.uuid5(_NAMESPACE, "\x1f".join(said))


def _known(symbols: list[str]) -> list[str]:
    """Raises BodyInvalidError naming what there is."""
    there = [one.symbol for one in UNIVERSE.instruments]
    for one in symbols:
        if one not in there:
            raise BodyInvalidError("symbols", f"There is no instrument '{one[:24]}'.", there)
    return symbols


def body_of(done: StopLosses) -> dict[str, Any]:
    """What the service answered, as it goes on the wire."""
    return {
        "id": done.id,
        "scope": done.scope,
        "percentage": done.percentage,
        "basis": "mid",
        "reason": done.reason,
        "dry_run": done.dry_run,
        "status": "preview" if done.dry_run else "covered" if done.complete else "partly",
        "positions": [
            {"account": account, **_line(one)}
            for account, stops in done.stops.items()
            for one in stops
        ],
        "unanswered": [{"account": account, "why": why} for account, why in done.failed.items()],
        "accounts_known": done.accounts_known,
        "as_of": utc_now(),
    }


def _line(one: StopLine) -> dict[str, Any]:
    return {
        "strategy": one.strategy,
        "symbol": one.symbol,
        "position": Decimal(one.position),
        "entry_price": _exact(one.entry_price),
        "mark": _exact(one.mark),
        "percentage": _exact(one.percentage),
        "stop_price": _exact(one.stop_price),
        "side": one.side,
        "covered": Decimal(one.covered),
        "state": one.state,
        "order": one.order,
        "why": one.why,
        "loss": _exact(one.loss),
    }


def _exact(text: str) -> Decimal | None:
    return Decimal(text) if text else None
