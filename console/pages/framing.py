"""What every page behind sign-in is given: band, halt line, banners, the stop's choices."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest

from console.access import sessions
from console.access.escalation import SEES as ALERTED
from console.access.escalation import escalations_open
from console.access.requested import RequestSight, requests_seen, requests_waiting
from console.access.rights import page_actor
from console.access.visible import Sight, sight_of
from console.pages import band, desk, marketclock, viewer
from console.pages.frames import Snapshot, StrategyLine, frames_read
from riskctl.actors import Actor
from riskctl.models import Approval
from trading.liquidation.service import may_flatten


@dataclass(frozen=True)
class Framed:
    """The page's frame, and what its view goes on with."""

    now: dt.datetime
    snapshot: Snapshot
    actor: Actor
    sight: Sight
    lines: list[StrategyLine]
    names: dict[str, str]
    context: dict[str, Any]


def page_sight(request: HttpRequest) -> Sight:
    """How much the person at the page may see. Raises db.Error."""
    return sight_of(request, sessions.person(request))


def person_at(request: HttpRequest) -> User:
    user = sessions.person(request).user
    assert user is not None, "the door lets only people with a second factor come here"
    return user


def framed(request: HttpRequest, page: str, *, strategy: str = "") -> Framed:
    """``page`` is the navigation's; ``strategy``: the one that the page is about."""
    actor, sight = page_actor(request), page_sight(request)
    now, snapshot = dt.datetime.now(dt.UTC), frames_read(sight)
    lines, names = desk.lines_of(snapshot.desk, sight), desk.owner_names()
    context = {
        "page": page,
        "person": band.person_words(person_at(request), actor.factor_age_s),
        "band": band.band_of(
            snapshot.desk, lines, now, names, waiting=len(waiting_at(request, actor))
        ),
        "why": snapshot.why,
        "viewer": viewer.viewer_facts(actor),
        "names": names,
        "stop": stop_choices(lines, actor, strategy),
        "here": request.get_full_path(),
        **_times(now, snapshot),
        "alerts": escalations_open() if actor.roles & ALERTED else 0,
    }
    return Framed(now, snapshot, actor, sight, lines, names, context)


def _times(now: dt.datetime, snapshot: Snapshot) -> dict[str, Any]:
    """Sessions by the feed's clock, and the time where the desk is."""
    feed = snapshot.desk.feed.clock if snapshot.desk else None
    zone = marketclock.DeskZone(settings.DESK_ZONE)
    return {
        "sessions": marketclock.sessions_of(feed),
        "market": marketclock.market_facts(feed or now),
        "zone": {"key": zone.key, "name": zone.name, "now": zone.clock(now)},
    }


def seen_at(request: HttpRequest) -> RequestSight:
    """Which requests the person at the page sees. Raises db.Error."""
    return requests_seen(request, sessions.person(request))


def waiting_at(request: HttpRequest, actor: Actor) -> list[Approval]:
    """Requests that the person at the page may decide. Raises db.Error."""
    return requests_waiting(actor, seen_at(request))


def stop_choices(lines: list[StrategyLine], actor: Actor, strategy: str = "") -> dict[str, Any]:
    """Scopes that a stop may be placed on. ``own``: the trader's own come first in the list."""
    keys = [one.key for one in lines]
    own = [key for key in keys if key in actor.owns]
    first = strategy or next(iter(own or keys), "")
    account = next((one.account for one in lines if one.key == first), "")
    firm = bool(actor.roles & {"risk", "sre"})
    return {
        "strategies": keys,
        "strategy": first,
        "accounts": sorted({one.account for one in lines}),
        "account": account,
        "scope": "strategy" if strategy or not firm else "firm",
        "flattens": may_flatten(actor),
    }
