"""What stood when, as the record has it: rungs, documents, what was applied; and which feeds."""

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Q

from audit.models import Entry
from riskctl.models import Limit
from riskctl.rules import GROSS_NOTIONAL, strategy_scope
from riskctl.rungs import Rung
from trading.engines.wanted import PARAMETERS, SYMBOLS
from trading.feeds.spec import FeedKind, unpriced
from trading.gates.facts import trades_of
from trading.models import EngineVersion, FeedSession, Strategy

_TRADES = {PARAMETERS, SYMBOLS}


@dataclass(frozen=True, slots=True)
class Move:
    at: dt.datetime
    to: str


def moves_of(key: str) -> list[Move]:
    """Every rung that the strategy took, oldest first."""
    rows = Entry.objects.filter(
        object_kind="strategy", object_id=key, action="stage.enter", outcome="done"
    ).values_list("happened_at", "body")
    found = [Move(at, str(json.loads(bytes(body))["after"]["rung"])) for at, body in rows]
    return sorted(found, key=lambda one: one.at)


def paper_between(
    moves: Sequence[Move], since: dt.datetime, until: dt.datetime
) -> tuple[bool, bool]:
    """Whether it stood on paper at all between the two, and all the while."""
    before = [one for one in moves if one.at <= since]
    within = [one.to for one in moves if since < one.at < until]
    rungs = [*([before[-1].to] if before else [""]), *within]
    on = [one == Rung.PAPER for one in rungs]
    return any(on), all(on)


def document_at(key: str, since: dt.datetime, until: dt.datetime) -> tuple[str, str]:
    """Its document at ``until``, and why it is not certain that this stood all the time."""
    rows = list(EngineVersion.objects.filter(name=key, made_at__lt=until).order_by("number"))
    if not rows:
        return "", "it had no document"
    digest = trades_of(rows[-1].text)
    before = [trades_of(one.text) for one in rows if one.made_at <= since][-1:]
    through = {*before, *(trades_of(one.text) for one in rows if one.made_at > since)}
    if not before or through != {digest} or not digest:
        return rows[-1].text, "its document changed in the day"
    if _brought_since(key, since):
        return rows[-1].text, "instruments or parameters came into force in the day or since"
    return rows[-1].text, ""


def _brought_since(key: str, since: dt.datetime) -> bool:
    rows = Entry.objects.filter(
        object_kind="engine", object_id=key, action="engine.apply", outcome="done",
        happened_at__gte=since,
    ).values_list("body", flat=True)  # fmt: skip
    return any(_TRADES & json.loads(bytes(body))["after"].keys() for body in rows)


def capital_in(key: str, since: dt.datetime, until: dt.datetime) -> Decimal | None:
    """The smallest gross-notional limit that was in force between the two; None where none ever
    was: before the first nothing could be ordered, so that needs none. What no person set (a desk's
    first limits) is not in the record, and stood before."""
    scope = strategy_scope(key)
    entries = Entry.objects.filter(
        object_kind="limit", object_id=f"{scope}/{GROSS_NOTIONAL}", outcome="done",
        action__in=["limit.raise", "limit.tighten"], happened_at__gte=since,
    ).order_by("happened_at").values_list("happened_at", "body")  # fmt: skip
    set_since = [(at, json.loads(bytes(body))) for at, body in entries]
    if set_since:
        first = (set_since[0][1]["before"] or {}).get("value")
    else:
        row = Limit.objects.filter(scope=scope, kind=GROSS_NOTIONAL).first()
        first = None if row is None else row.value
    within = [Decimal(body["after"]["value"]) for at, body in set_since if at < until]
    return min([*([] if first is None else [Decimal(first)]), *within], default=None)


def not_its_market(strategy: Strategy, since: dt.datetime, until: dt.datetime) -> str:
    """Why what was quoted between the two is no evidence of the market that a real account of the
    strategy trades in; empty where it is, and where no account of its is at a real exchange."""
    sessions = FeedSession.objects.filter(
        Q(ended_at=None) | Q(ended_at__gt=since), started_at__lt=until
    )
    specs = list(sessions.order_by("started_at").values_list("spec", flat=True))
    for account in strategy.accounts:
        for spec in specs or [str(FeedKind.SIMULATED)]:  # without a feed nothing real was quoted
            if unpriced(spec, live_account=account.live, address=account.address):
                said = f"the feed was {spec.partition(':')[0]}" if specs else "there was no feed"
                return f"{said}, not of the market that {account.name} trades in"
    return ""
