"""What a stop would do, read from the books: shown beside the choice and never in its way."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Q

from console.access.visible import ALL, Sight
from console.pages import formats, words
from console.pages.frames import DeskFrame, StrategyLine
from riskctl.models import Hold, Lease, ReceiptStep
from trading.models import Order, Position
from trading.orders.states import OPEN
from trading.resume.scope import Covered, covered

NAMED = 2
NOT_CLOSING = Q(warrant=None) | Q(order_type="stop")
"""What a person's warrant closes is no order that a stop cancels; the stop of a stop-loss is."""


@dataclass(frozen=True)
class AccountPreview:
    name: str
    orders: str
    gross: str


@dataclass(frozen=True)
class Preview:
    """Texts; ``bare`` names strategies that keep a position without a protective stop."""

    as_of: str
    scope: str
    orders: str
    protective: str
    strategies: str
    gateways: str
    positions: str
    net: str
    gross: str
    accounts: list[AccountPreview]
    bare: str
    last: str


def preview_read(
    scope: str, frame: DeskFrame | None, now: dt.datetime, sight: Sight = ALL
) -> Preview:  # fmt: skip
    """Of what may be seen; ``frame`` is reduced to that. Raises riskctl.holds.ScopeError, db.Error.

    The stop itself reaches all of the scope, whoever places it.
    """
    within = _seen(covered(scope), sight)
    lines = _lines(within, frame)
    rows = Order.objects.filter(state__in=sorted(OPEN), account__in=within.accounts).filter(
        NOT_CLOSING
    )
    orders = list(
        sight.narrowed(rows.filter(**_of(scope, within))).values_list(
            "account", "strategy", "order_type", "reduce_only"
        )
    )
    protective = [one for one in orders if one[2] == "stop" and one[3]]
    going = len(orders) - len(protective)
    held = list(_held(scope, within, sight))
    return Preview(
        as_of=formats.precise(now)[:-2],
        scope=words.scope_words(scope),
        orders=f"{going:,}",
        protective=f"{len(protective):,}",
        strategies=_strategies(within, lines),
        gateways=f"{Lease.objects.filter(role='gateway').count()}",
        positions=f"{len(held):,}",
        net=_usd([one.net for one in lines], plus=True) if frame else formats.UNKNOWN,
        gross=_usd([one.gross for one in lines]) if frame else formats.UNKNOWN,
        accounts=_accounts(within, lines, orders),
        bare=_bare(held, {str(one[1]) for one in protective}),
        last=_last(scope),
    )


def orders_going(scope: str, *, protective_too: bool) -> int:
    """Open orders in ``scope`` that a cancelling hold wants gone. Raises db.Error."""
    within = covered(scope)
    rows = Order.objects.filter(
        NOT_CLOSING, state__in=sorted(OPEN), account__in=within.accounts, **_of(scope, within)
    )
    if not protective_too:
        rows = rows.exclude(order_type="stop", reduce_only=True)
    return rows.count()


def positions_open(scope: str) -> int:
    """Open positions in ``scope``. Raises db.Error."""
    return len(list(_held(scope, covered(scope))))


def _of(scope: str, within: Covered) -> dict[str, object]:
    """Further conditions on rows of accounts: of one strategy, or of one symbol."""
    kind, _, key = scope.partition(":")
    if kind == "strategy":
        return {"strategy": key}
    return {"symbol": key} if kind == "instrument" else {}


def _held(scope: str, within: Covered, sight: Sight = ALL) -> Iterable[str]:
    """The strategy of each open position."""
    rows = Position.objects.filter(account__in=within.accounts, **_of(scope, within))
    return sight.narrowed(rows.exclude(quantity=0)).values_list("strategy", flat=True)


def _seen(within: Covered, sight: Sight) -> Covered:
    return Covered(
        [one for one in within.strategies if sight.sees(one.key)],
        [one for one in within.accounts if sight.sees_account(one.name)],
    )


def _lines(within: Covered, frame: DeskFrame | None) -> list[StrategyLine]:
    keys = {one.key for one in within.strategies}
    return [one for one in frame.strategies if one.key in keys] if frame else []


def _strategies(within: Covered, lines: list[StrategyLine]) -> str:
    count = len(within.strategies)
    already = sum(one.mode in ("HALTED", "FROZEN") for one in lines)
    return f"{count}, of which {already} already" if already else f"{count}"


def _accounts(
    within: Covered, lines: list[StrategyLine], orders: Sequence[tuple[str, str | None, str, bool]]
) -> list[AccountPreview]:
    found = []
    for account in within.accounts:
        going = sum(one[0] == account.name and not (one[2] == "stop" and one[3]) for one in orders)
        gross = _usd([one.gross for one in lines if one.account == account.name])
        found.append(AccountPreview(account.name, f"{going:,}", gross))
    return found


def _bare(held: Iterable[str], protected: set[str]) -> str:
    bare = sorted({key for key in held if key not in protected})
    if not bare:
        return ""
    more = f" and {len(bare) - NAMED} more" if len(bare) > NAMED else ""
    verb = "keeps a position" if len(bare) == 1 else "keep positions"
    return f"{', '.join(bare[:NAMED])}{more} {verb} with no protective stop."


def _usd(values: list[Decimal | None], *, plus: bool = False) -> str:
    if any(one is None for one in values):
        return formats.UNKNOWN
    total = sum((one for one in values if one is not None), Decimal(0))
    return " ".join(formats.compact(total, plus=plus))


def _last(scope: str) -> str:
    """The latest kill on the same scope and how fast it was."""
    hold = Hold.objects.filter(scope=scope, kind="kill").order_by("-placed_at").first()
    if hold is None:
        return ""
    step = ReceiptStep.objects.filter(hold=hold.id, name="effective").first()
    took = "not proven yet"
    if step is not None:
        us = (step.happened_at - hold.placed_at) // dt.timedelta(microseconds=1)
        took = f"effective in {formats.latency(max(0, us))}"
    return f"{formats.day(hold.placed_at)} {formats.clock(hold.placed_at)[:5]} · {took}"
