"""Test calls, confined to the simulated feed and to paper accounts; each is in the record.

A price put in is a quote like any other of the simulated market: strategies see it. Everything else
looks and changes nothing.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Q, Sum
from redis import Redis

from riskctl.actors import Actor, NotAllowedError
from riskctl.approvals.kinds import RequestError
from riskctl.approvals.recording import recorded, refusals_recorded
from riskctl.control import ControlError, OrderTried, TryOrder
from riskctl.desk import BrakesDesk, brakes_desk
from riskctl.holds import RISK, SRE
from riskctl.models import GatewayRegister
from riskctl.registered import Registered, newest, one_on_disk
from trading.feeds.spec import FeedKind
from trading.messages import Side
from trading.models import Position, Strategy, VenueAccount
from trading.portfolio.market import Market
from trading.portfolio.prices import read_feed_state
from trading.selectors.prices import market_now
from trading.strategies.loader import StrategyError, spec_of
from trading.strategies.rungs import terms_read
from trading.strategies.sizing import legs_for, lots_for
from trading.strategies.specs import SignalNow
from trading.strategies.terms import Terms
from trading.testcalls.wire import (
    FEED,
    AskSignals,
    InjectPrice,
    NoAnswerError,
    PriceJudged,
    SignalsNow,
    ask,
)
from trading.universe import UNIVERSE, Instrument, to_nano

ANSWER_S = 1.0
MOST_NANO = 2**62
_LIVE = Q(account__live=True) | Q(second_account__live=True)

Seen = Collection[str] | None
"""Keys of strategies the caller may see; None: all."""


@dataclass(frozen=True, slots=True)
class Assessed:
    """An order that nobody sends, and what its account's gateway said to it."""

    strategy: str
    account: str
    symbol: str
    side: str
    quantity: Decimal
    limit_price: Decimal | None
    tried: OrderTried


# The feed and the shards --------------------------------------------------------------------------


def price_inject(
    *, symbol: str, bid: Decimal, ask_: Decimal, actor: Actor, redis: Redis
) -> PriceJudged:
    """Put one quote into the simulated feed: what its checks said of it.

    Raises NotAllowedError, RequestError, NoAnswerError, db.Error, redis.RedisError.
    """
    thing = ("instrument", symbol)
    with refusals_recorded("test.inject-price", actor, thing, ""):
        _check_may(actor)
        _check_simulated(redis)
        _check_no_live_account()
    quote = InjectPrice(_instrument(symbol).id, _nano("bid", bid), _nano("ask", ask_))
    said = {"bid": bid, "ask": ask_}
    recorded("test.inject-price", actor, thing, after=said)  # before it can move anything
    judged = ask(redis, FEED, quote, PriceJudged)
    if judged.refused:
        raise _not_simulated()
    recorded(
        "test.price-judged", actor, thing, outcome="failed" if judged.reason else "done",
        after={**said, "refused": judged.reason, "entry": judged.entry},
    )  # fmt: skip
    return judged


def signal_generate(
    *, symbol: str, actor: Actor, redis: Redis, seen: Seen = None
) -> list[SignalNow]:
    """The signal that each strategy of a paper account would make of ``symbol`` now.

    Raises NotAllowedError, RequestError, NoAnswerError, db.Error, redis.RedisError.
    """
    thing = ("instrument", symbol)
    with refusals_recorded("test.generate-signal", actor, thing, ""):
        _check_may(actor)
        _check_simulated(redis)
        rows = _on_paper(_trading(symbol, seen))
    keys = {one.key for one in rows}
    found = [
        signal
        for shard in sorted({one.shard for one in rows})
        for signal in ask(redis, f"shard:{shard}", AskSignals(symbol), SignalsNow).signals
        if signal.strategy in keys
    ]
    said = {one.strategy: one.signal.direction if one.signal else None for one in found}
    recorded("test.generate-signal", actor, thing, after={"directions": said})
    return found


# The gateways -------------------------------------------------------------------------------------


def signal_validate(
    *, signal_id: str, symbol: str, direction: int | None, strategy: str, actor: Actor,
    redis: Redis, seen: Seen = None, desk: BrakesDesk | None = None,
) -> list[Assessed]:  # fmt: skip
    """What the risk check would say to the order of each strategy that acted on such a signal.

    ``direction`` None: the way in which each has something to order. Raises NotAllowedError,
    RequestError, NoAnswerError, db.Error, redis.RedisError.
    """
    thing = ("signal", signal_id or symbol)
    with refusals_recorded("test.validate-signal", actor, thing, ""):
        _check_may(actor)
        rows = _on_paper(_trading(symbol, seen, strategy))
    market = market_now(redis)
    found = []
    for row in rows:
        terms = _terms(row)
        account = terms.account_of(symbol)
        held = _held(account, row.key, symbol)
        sign = _sign(row, symbol, direction, held)
        missing = sign * _size(row, symbol, terms.size_notional, market) - held
        if missing:
            side = Side.BUY if missing > 0 else Side.SELL
            found.append(_assessed(row, account, symbol, side, abs(missing), None, desk))
    recorded("test.validate-signal", actor, thing, after={"symbol": symbol, "said": _said(found)})
    return found


def order_dry_run(
    *, strategy: str, symbol: str, side: Side, quantity: Decimal | None,
    limit_price: Decimal | None, actor: Actor, seen: Seen = None, desk: BrakesDesk | None = None,
) -> Assessed:  # fmt: skip
    """What the gateway would say to this order. What is not given is the first strategy on paper,
    its first symbol, one lot.

    Raises NotAllowedError, RequestError, NoAnswerError, db.Error.
    """
    thing = ("strategy", strategy or "first")
    with refusals_recorded("test.dry-run-order", actor, thing, ""):
        _check_may(actor)
        row = _on_paper(_trading(symbol, seen, strategy))[0]
    wanted = symbol or row.symbols[0]
    lot = _instrument(wanted).lot_size
    found = _assessed(
        row, _terms(row).account_of(wanted), wanted, side, lot if quantity is None else quantity,
        limit_price, desk,
    )  # fmt: skip
    recorded("test.dry-run-order", actor, ("strategy", row.key), after={"said": _said([found])})
    return found


def _assessed(  # noqa: PLR0917
    row: Strategy, account: str, symbol: str, side: Side, quantity: Decimal,
    limit_price: Decimal | None, desk: BrakesDesk | None,
) -> Assessed:  # fmt: skip
    at, shard = desk or brakes_desk(), f"shard:{row.shard}"
    request = TryOrder(row.key, shard, symbol, str(side), quantity, limit_price)
    gateway = _gateway(account, at)
    try:
        tried = at.links.ask(gateway, request, OrderTried, answer_s=ANSWER_S)
    except ControlError as error:
        raise NoAnswerError(f"the gateway of {account}: {error}") from error
    return Assessed(row.key, account, symbol, str(side), quantity, limit_price, tried)


def _gateway(account: str, desk: BrakesDesk) -> Registered:
    row = GatewayRegister.objects.filter(account=account).first()
    here = one_on_disk(desk.home, account)
    if row is not None:
        here = newest(
            here,
            Registered(account, row.address, row.place, row.pid, row.start_ticks, row.token),
        )
    if here is None or not here.address:
        raise NoAnswerError(f"{account} has never had a gateway")
    return here


def _said(found: Iterable[Assessed]) -> list[dict[str, object]]:
    return [
        {
            "strategy": one.strategy, "account": one.account, "symbol": one.symbol,
            "side": one.side, "quantity": one.quantity, "denied": one.tried.code,
        }
        for one in found
    ]  # fmt: skip


def _terms(row: Strategy) -> Terms:
    try:
        spec = spec_of(row, UNIVERSE)
    except StrategyError as error:
        raise RequestError("strategy", str(error)) from error
    return terms_read([spec])[row.key]


def _is_pair(row: Strategy) -> bool:
    return row.kind == Strategy.Kind.ARBITRAGE


def _sign(row: Strategy, symbol: str, direction: int | None, held: Decimal) -> int:
    """Which way a signal goes in ``symbol``: that of a pair is its first leg's."""
    if direction is None:
        return -1 if held > 0 else 1
    return -direction if _is_pair(row) and symbol != row.symbols[0] else direction


def _size(row: Strategy, symbol: str, size: Decimal, market: Market) -> Decimal:
    """What it would hold, in whole lots. Raises RequestError without a quote to size on."""
    symbols = list(dict.fromkeys(row.symbols)) if _is_pair(row) else [symbol]
    mids = [_mid(market, one) for one in symbols]
    instruments = [UNIVERSE.by_symbol(one) for one in symbols]
    if _is_pair(row):
        return legs_for(size, mids, instruments)[symbols.index(symbol)]
    return lots_for(size, mids[0], instruments[0])


def _mid(market: Market, symbol: str) -> Decimal:
    quote = market.quote(symbol)
    if quote is None:
        raise RequestError("symbol", f"{symbol} has had no quote yet: nothing can be sized on it")
    return quote.mid


def _held(account: str, strategy: str, symbol: str) -> Decimal:
    rows = Position.objects.filter(account=account, strategy=strategy, symbol=symbol)
    return rows.aggregate(held=Sum("quantity"))["held"] or Decimal(0)


def first_symbol(seen: Seen) -> str:
    """Of the first strategy on paper; empty where there is none. Raises db.Error."""
    rows = Strategy.objects.exclude(_LIVE).order_by("key")
    first = (rows if seen is None else rows.filter(key__in=seen)).first()
    return str(first.symbols[0]) if first else ""


# Confined -----------------------------------------------------------------------------------------


def _check_may(actor: Actor) -> None:
    if not actor.roles & {RISK, SRE} and "trade-test" not in actor.token_scopes:
        raise NotAllowedError("test-not-yours", "Test calls are made by risk and SRE.")


def _not_simulated() -> NotAllowedError:
    text = "The feed is live or a recording: test calls touch the simulated feed only."
    return NotAllowedError("test-feed-not-simulated", text)


def _check_simulated(redis: Redis) -> None:
    if read_feed_state(redis).get("kind") != FeedKind.SIMULATED:
        raise _not_simulated()


def _check_no_live_account() -> None:
    names = list(VenueAccount.objects.filter(live=True).values_list("name", flat=True))
    if names:
        raise _live(names, "a price put in would move orders there")


def _live(accounts: Iterable[str], why: str) -> NotAllowedError:
    text = f"{', '.join(sorted(accounts))}: orders reach a real venue, and {why}."
    return NotAllowedError("test-account-live", text)


def _instrument(symbol: str) -> Instrument:
    if symbol not in UNIVERSE:
        raise RequestError("symbol", f"{symbol!r} is no instrument of this desk")
    return UNIVERSE.by_symbol(symbol)


def _nano(name: str, price: Decimal) -> int:
    try:
        nano = to_nano(price)
    except ValueError as error:
        raise RequestError(name, str(error)) from error
    if abs(nano) >= MOST_NANO:
        raise RequestError(name, f"{price} is no price")
    return nano


def _trading(symbol: str, seen: Seen, strategy: str = "") -> list[Strategy]:
    """In the order of their keys, at least one. Raises RequestError."""
    if symbol:
        _instrument(symbol)
    rows = Strategy.objects.select_related("account", "second_account").order_by("key")
    found = [
        one
        for one in (rows if seen is None else rows.filter(key__in=seen))
        if (not symbol or symbol in one.symbols) and strategy in ("", one.key)
    ]
    if not found:
        field = "strategy" if strategy else "symbol"
        raise RequestError(field, f"no strategy that you see trades {symbol or 'anything'}"
                           + (f" as {strategy}" if strategy else ""))  # fmt: skip
    return found


def _on_paper(rows: list[Strategy]) -> list[Strategy]:
    """Those on paper accounts alone. Raises NotAllowedError when there is none."""
    found = [one for one in rows if not any(account.live for account in one.accounts)]
    if not found:
        live = {account.name for one in rows for account in one.accounts if account.live}
        raise _live(live, "test calls touch paper accounts only")
    return found
