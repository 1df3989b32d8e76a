"""Stop-losses: those that stand, a preview of what a percentage would set, and setting it."""

import uuid
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from audit.models import ActorKind
from console.access.recorded import denial_recorded
from console.access.visible import NotSeenError, Sight
from console.api.naming import scope_exists
from console.api.problems import NoSuchError
from console.pages import formats, words
from console.pages.framing import Framed, framed
from riskctl.actors import NotAllowedError
from riskctl.control import StopLine
from riskctl.holds import FIRM, ScopeError
from riskctl.stoplosses import (
    PercentageError,
    StopLosses,
    may_set_stop_losses,
    percentage_of,
    stop_losses_set,
)
from trading import selectors
from trading.models import StopLoss

STATES = {
    "would-rest": "would rest at the venue",
    "would-watch": "would be watched here",
    "resting": "rests at the venue",
    "watched": "watched here",
    "closing": "reached, closing",
    "pending": "asked of the venue",
    "refused": "not protected",
    "ended": "ended",
}
"""In words."""


@require_safe
def stop_losses_page(request: HttpRequest) -> HttpResponse:
    """With ``percent`` in the address, what it would set."""
    page = framed(request, "risk")
    if "percent" not in request.GET:
        return _shown(request, page, None)
    return _asked(request, page, dry_run=True)


@require_POST
def stop_losses_sent(request: HttpRequest) -> HttpResponse:
    """Set at once; sent again (``nonce``) it changes nothing that stands."""
    return _asked(request, framed(request, "risk"), dry_run=False)


def _asked(request: HttpRequest, page: Framed, *, dry_run: bool) -> HttpResponse:
    said = request.GET if dry_run else request.POST
    scope = said.get("scope", FIRM)
    try:
        percentage = percentage_of(said.get("percent", "").strip())
        scope_exists(scope, lambda: page.sight)
        if scope != FIRM:
            page.sight.check_scope(scope)
        done = stop_losses_set(
            scope=scope, percentage=percentage, actor=page.actor, reason=said.get("reason", ""),
            dry_run=dry_run, request_id=_request(said.get("nonce", "")),
        )  # fmt: skip
    except NotSeenError:
        raise  # answered and recorded as every page that is not theirs to see
    except PercentageError as error:
        return _shown(request, page, None, f"percent: it must be {error}", 400)
    except (ScopeError, NoSuchError) as error:
        return _shown(request, page, None, str(error), 400)
    except NotAllowedError as error:
        denial_recorded(
            request, status=403, code=error.code, actor=page.actor.name,
            actor_kind=ActorKind(page.actor.kind),
        )  # fmt: skip
        return _shown(request, page, None, str(error), 403)
    return _shown(request, page, done)


def _request(nonce: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(nonce)
    except ValueError:
        return None


def _shown(
    request: HttpRequest, page: Framed, done: StopLosses | None, error: str = "", status: int = 200
) -> HttpResponse:
    said = request.GET if request.method == "GET" else request.POST
    context: dict[str, Any] = {
        **page.context,
        "error": error,
        "scopes": _scopes(page),
        "scope": said.get("scope", ""),
        "percent": said.get("percent", "2"),
        "reason": said.get("reason", ""),
        "nonce": uuid.uuid4(),
        "done": done,
        "lines": [] if done is None else _lines(done),
        "unanswered": {} if done is None else done.failed,
        "standing": [_standing(one) for one in stop_losses_seen(page.sight)],
    }
    return render(request, "pages/stop_losses.html", context, status=status)


def stop_losses_seen(sight: Sight) -> "QuerySet[StopLoss]":
    """Those that stand. Raises django.db.Error."""
    return sight.narrowed(selectors.stop_losses())


def _scopes(page: Framed) -> list[tuple[str, str]]:
    """Scopes on which the one who looks may set them, with their words."""
    stop = page.context["stop"]
    every = [
        FIRM,
        *(f"venue:{one}" for one in stop["accounts"]),
        *(f"strategy:{one}" for one in stop["strategies"]),
    ]
    return [(one, words.scope_words(one)) for one in every if may_set_stop_losses(page.actor, one)]


def _lines(done: StopLosses) -> list[dict[str, str]]:
    return [_line(account, one) for account, stops in done.stops.items() for one in stops]


def _line(account: str, one: StopLine) -> dict[str, str]:
    return {
        "account": account,
        "strategy": one.strategy,
        "symbol": one.symbol,
        "position": _figure(one.position),
        "entry": _figure(one.entry_price),
        "mark": _figure(one.mark),
        "stop": _figure(one.stop_price),
        "percent": f"{one.percentage} %" if one.percentage else formats.UNKNOWN,
        "covered": _figure(one.covered),
        "loss": _figure(one.loss),
        "state": one.state,
        "words": STATES[one.state],
        "why": one.why,
    }


def _figure(text: str) -> str:
    return formats.exact(Decimal(text)) if text else formats.UNKNOWN


def _standing(one: StopLoss) -> dict[str, str]:
    return {
        "account": one.account_id,
        "strategy": one.strategy_id,
        "symbol": one.symbol,
        "stop": formats.exact(one.stop_price),
        "percent": f"{one.percentage.normalize():f} %",
        "mark": formats.exact(one.mark),
        "covered": formats.exact(one.quantity),
        "words": STATES[one.state],
        "state": one.state,
        "why": one.why,
        "by": one.placed_by,
        "at": f"{formats.day(one.set_at)} {formats.clock(one.set_at)} UTC",
    }
