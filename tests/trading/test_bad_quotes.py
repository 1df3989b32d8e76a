"""A crossed, stale or impossible quote never moves an order: with such quotes or without, all the
strategies of the desk send the same orders, to the last one."""

from collections.abc import Sequence
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.feeds.builders import raw_rows
from tests.strategies.desk import walk
from trading.feeds.raw import RawBatch
from trading.lockstep import Lockstep
from trading.strategies.parameters import read_parameters
from trading.strategies.specs import StrategySpec

D = Decimal
NS = 1_000_000_000
START = 1_399_010_400 * NS  # a Friday, 06:00 UTC
TICKS = {"EURUSD": 10_000, "BTCUSDT": 10_000_000, "BTCUSDT-PERP": 100_000_000}  # steps, nano
KINDS = {
    "momentum": {"fast_s": 2, "slow_s": 6, "warmup_ticks": 5, "enter": 0.4, "exit": 0.1},
    "mean-reversion": {"mean_s": 5, "warmup_ticks": 5, "enter": 1.0},
    "arbitrage": {
        "mean_s": 5.0,
        "warmup_ticks": 20,
        "enter": 2.0,
        "least_bp": 10.0,
        "pause_s": 5.0,
    },
    "market-making": {"sigma_s": 5, "warmup_ticks": 5, "least_half_bp": 0.05, "rest_s": 0.5},
}
PAIR = ("BTCUSDT", "BTCUSDT-PERP")
SPECS = [
    StrategySpec(
        kind, kind, "paper-1", PAIR if kind == "arbitrage" else ("EURUSD",),
        read_parameters(kind, given), D(50_000),
    )
    for kind, given in KINDS.items()
]  # fmt: skip
STEPS = 90
WALK = walk(7, STEPS, sigma=4e-5, start=1.38)
#: The perpetual is dear for a while, twice, so that the pair is opened and closed.
BASIS = [0.004 if at in {*range(30, 36), *range(60, 66)} else 0.0001 for at in range(STEPS)]
MIDS = {
    "EURUSD": WALK,
    "BTCUSDT": [60_000 + mid for mid in WALK],
    "BTCUSDT-PERP": [(60_000 + mid) * (1 + more) for mid, more in zip(WALK, BASIS, strict=True)],
}
LEVELS = {
    symbol: [round(mid * 1e9 / TICKS[symbol]) * TICKS[symbol] for mid in mids]
    for symbol, mids in MIDS.items()
}
BAD = (
    "crossed", "stale", "late", "ahead", "nothing", "negative", "jump", "malformed", "halted",
)  # fmt: skip


def limits() -> dict[tuple[str, str], Decimal]:
    wide = D(10_000_000)
    found = {("firm", kind): wide for kind in ("order-notional", "gross-notional")}
    found["firm", "price-collar"] = D(100)
    found["account:paper-1", "gross-notional"] = wide
    found["account:paper-1", "order-rate"] = D(1000)
    for one in SPECS:
        for kind in ("order-notional", "position-notional", "gross-notional"):
            found[f"strategy:{one.key}", kind] = wide
        for kind in ("open-orders", "order-rate"):
            found[f"strategy:{one.key}", kind] = D(100)
    return found


Row = tuple[str, int, int, int, int]
Extra = dict[int, Sequence[tuple[str, str, int]]]


def good(symbol: str, at: int, clock: int) -> Row:
    mid, step = LEVELS[symbol][at], TICKS[symbol]
    return symbol, clock, mid - 2 * step, mid + 2 * step, clock


def bad(kind: str, symbol: str, at: int, clock: int, size: int) -> Row:
    """A quote that nobody can mean, beside the good one at ``at``."""
    _, _, bid, ask, _ = good(symbol, at, clock)
    step = TICKS[symbol]
    match kind:
        case "crossed":
            return symbol, clock, bid + size * step, bid + (size - 1) * step, clock
        case "stale":
            return symbol, clock - 31 * NS, bid, ask, clock
        case "late":
            return symbol, clock - 2 * NS, bid - size * step, ask - size * step, clock
        case "ahead":
            return symbol, clock + 31 * NS, bid - size * step, ask - size * step, clock
        case "nothing":
            return symbol, clock, 0, ask, clock
        case "jump":
            return symbol, clock, bid * 2 + size * step, ask * 2 + size * step, clock
        case "malformed" | "halted":
            return symbol, clock, bid + size * step, ask + size * step, clock
    return symbol, clock, -ask, -bid, clock


def played(extra: Extra) -> Lockstep:
    path = Lockstep(SPECS, limits())
    for at in range(STEPS):
        clock = START + at * NS
        rows = [good(symbol, at, clock) for symbol in TICKS]
        wrong = extra.get(at, ())
        raw = raw_rows([*rows, *(bad(kind, of, at, clock, size) for kind, of, size in wrong)])
        for row, (kind, _, _) in zip(raw[len(rows) :], wrong, strict=True):
            if kind in {"malformed", "halted"}:
                row[kind] = True
        path.step(RawBatch(raw, clock))
    assert path.result.refused == sum(len(some) for some in extra.values())
    return path


def orders(extra: Extra) -> list[str]:
    return [
        f"{row.order.client_order_id} {row.event} {row.order.side} {row.order.quantity}"
        f" {row.order.limit_price} {row.order.filled} {row.order.created_wall_ns}"
        for row in played(extra).result.orders
    ]


CLEAN = orders({})


@settings(max_examples=15, deadline=None)
@given(
    st.dictionaries(
        st.integers(3, STEPS - 1),
        st.lists(
            # One of a kind: a third jump in a row that agrees would be a new level.
            st.tuples(st.sampled_from(BAD), st.sampled_from(sorted(TICKS)), st.integers(1, 200)),
            min_size=1, max_size=4, unique_by=lambda one: one[0],
        ),
        min_size=1, max_size=20,
    )
)  # fmt: skip
def test_bad_quotes_move_no_order(extra: Extra) -> None:
    assert orders(extra) == CLEAN


def test_every_kind_of_strategy_orders_on_the_good_ones() -> None:
    path = played({})
    sent = {row.order.strategy for row in path.result.orders if row.event == "intend"}
    assert sent == set(KINDS)
    legs = {row.order.symbol for row in path.result.fills if row.order}
    assert legs == set(TICKS)
    making = [row.order for row in path.result.orders if row.order.strategy == "market-making"]
    assert {one.state for one in making} >= {"working", "cancelled"}
    denied = {row.order.reason_code for row in path.result.orders if row.event == "deny"}
    assert denied <= {"POST_ONLY"}
