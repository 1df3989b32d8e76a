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
TICK = 10_000  # a price step of EURUSD in nano
KINDS = {
    "momentum": {"fast_s": 2, "slow_s": 6, "warmup_ticks": 5, "enter": 0.4, "exit": 0.1},
    "mean-reversion": {"mean_s": 5, "warmup_ticks": 5, "enter": 1.0},
    "market-making": {"sigma_s": 5, "warmup_ticks": 5, "least_half_bp": 0.05, "rest_s": 0.5},
}
SPECS = [
    StrategySpec(kind, kind, "paper-1", ("EURUSD",), read_parameters(kind, given), D(50_000))
    for kind, given in KINDS.items()
]
LEVELS = [round(mid * 1e9 / TICK) * TICK for mid in walk(7, 90, sigma=4e-5, start=1.38)]


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


def bad(kind: str, at: int, clock: int, size: int) -> Row:
    """A quote that nobody can mean, beside the good one at ``at``."""
    mid = LEVELS[at]
    bid, ask = mid - 2 * TICK, mid + 2 * TICK
    if kind == "crossed":
        return "EURUSD", clock, bid + size * TICK, bid + (size - 1) * TICK, clock
    if kind == "stale":
        return "EURUSD", clock - 31 * NS, bid, ask, clock
    if kind == "late":
        return "EURUSD", clock - 2 * NS, bid - size * TICK, ask - size * TICK, clock
    if kind == "nothing":
        return "EURUSD", clock, 0, ask, clock
    return "EURUSD", clock, -ask, -bid, clock


def orders(extra: dict[int, Sequence[tuple[str, int]]]) -> list[str]:
    path = Lockstep(SPECS, limits())
    for at, mid in enumerate(LEVELS):
        clock = START + at * NS
        rows: list[Row] = [("EURUSD", clock, mid - 2 * TICK, mid + 2 * TICK, clock)]
        rows += [bad(kind, at, clock, size) for kind, size in extra.get(at, ())]
        path.step(RawBatch(raw_rows(rows), clock))
    assert path.result.refused == sum(len(some) for some in extra.values())
    return [
        f"{row.order.client_order_id} {row.event} {row.order.side} {row.order.quantity}"
        f" {row.order.limit_price} {row.order.filled} {row.order.created_wall_ns}"
        for row in path.result.orders
    ]


CLEAN = orders({})


@settings(max_examples=25, deadline=None)
@given(
    st.dictionaries(
        st.integers(3, len(LEVELS) - 1),
        st.lists(
            st.tuples(
                st.sampled_from(["crossed", "stale", "late", "nothing", "negative"]),
                st.integers(1, 200),
            ),
            min_size=1, max_size=3,
        ),
        min_size=1, max_size=20,
    )
)  # fmt: skip
def test_bad_quotes_move_no_order(extra: dict[int, Sequence[tuple[str, int]]]) -> None:
    assert orders(extra) == CLEAN


def test_every_kind_of_strategy_orders_on_the_good_ones() -> None:
    path = Lockstep(SPECS, limits())
    for at, mid in enumerate(LEVELS):
        clock = START + at * NS
        row = ("EURUSD", clock, mid - 2 * TICK, mid + 2 * TICK, clock)
        path.step(RawBatch(raw_rows([row]), clock))
    sent = {row.order.strategy for row in path.result.orders if row.event == "intend"}
    assert sent == set(KINDS)
    making = [row.order for row in path.result.orders if row.order.strategy == "market-making"]
    assert {one.state for one in making} >= {"working", "cancelled"}
    denied = {row.order.reason_code for row in path.result.orders if row.event == "deny"}
    assert denied <= {"POST_ONLY"}
