"""What every page behind sign-in is given: band, halt line, banners, the stop's choices."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.http import HttpRequest

from console.access import sessions
from console.access.rights import page_actor
from console.pages import band, desk, viewer
from console.pages.frames import Snapshot, StrategyLine, frames_read
from riskctl.actors import Actor
from trading.liquidation.service import may_flatten


@dataclass(frozen=True)
class Framed:
    """The page's frame, and what its view goes on with."""

    now: dt.datetime
    snapshot: Snapshot
    actor: Actor
    lines: list[StrategyLine]
    names: dict[str, str]
    context: dict[str, Any]


def person_at(request: HttpRequest) -> User:
    user = sessions.person(request).user
    assert user is not None, "the door lets only people with a second factor come here"
    return user


def framed(request: HttpRequest, page: str, *, strategy: str = "") -> Framed:
    """``page`` is the navigation's; ``strategy``: the one that the page is about."""
    now, snapshot, actor = dt.datetime.now(dt.UTC), frames_read(), page_actor(request)
    lines, names = desk.lines_of(snapshot.desk), desk.owner_names()
    context = {
        "page": page,
        "person": band.person_words(person_at(request), actor.factor_age_s),
        "band": band.band_of(snapshot.desk, lines, now, names),
        "why": snapshot.why,
        "viewer": viewer.viewer_facts(actor),
        "names": names,
        "stop": stop_choices(lines, actor, strategy),
        "here": request.get_full_path(),
    }
    return Framed(now, snapshot, actor, lines, names, context)


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
