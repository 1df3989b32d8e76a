"""Which executions are new: all of them, each once, however a page cuts them."""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from trading.again import Again
from trading.messages import Side
from trading.venues.base import KnownFills, VenueError
from trading.venues.ccxt_asking import Asking
from trading.venues.ccxt_dialect import Dialect, RawFill
from trading.venues.ccxt_fills import FillBook
from trading.venues.ccxt_listing import Listing
from trading.venues.ccxt_past import Past

D = Decimal


class Exchange:
    """Lists five executions a page, by the millisecond, and as its own dialect and asking."""

    fills_page, client, markets = 5, None, None

    def __init__(self) -> None:
        self.done: list[RawFill] = []
        self.history = True

    def trade(self, count: int, at_ms: int) -> None:
        for _ in range(count):
            ident, at_ns = str(len(self.done)), at_ms * 1_000_000
            self.done.append(
                RawFill(
                    ident, "c", "v", "SPY", Side.BUY, D(1), D(500), D(0), "USD", False, at_ns
                )
            )  # fmt: skip

    def fills(self, client: None, before: int) -> list[RawFill]:
        return [one for one in self.done if not before or one.time_ns < before][-5:]

    def fills_said(self, said: list[RawFill], markets: None) -> list[RawFill]:
        return said

    async def ask(
        self, path: str, said: list[RawFill], read: Callable[[list[RawFill]], list[RawFill]]
    ) -> list[RawFill]:
        return read(said)

    async def executions(self, time_ns: int) -> list[RawFill]:
        if not self.history:
            raise VenueError("HISTORY_SLOW", "not yet")
        return [one for one in self.done if one.time_ns == time_ns]


def books(exchange: Exchange, told: list[str]) -> tuple[FillBook, Listing]:
    """As a gateway begins that finds ``told`` in its database."""
    book = FillBook()
    numbers = {ident: number for number, ident in enumerate(told, start=1)}
    times = [one.time_ns for one in exchange.done if one.venue_fill_id in numbers]
    book.resume(KnownFills(len(told), numbers, max(times, default=0)))
    listing = Listing(
        cast(Asking, exchange), cast(Dialect, exchange), book, cast(Past, exchange)
    )  # fmt: skip
    listing._again = Again(0, 0)
    return book, listing


STEPS = st.lists(
    st.tuples(
        st.integers(0, 2), st.integers(0, 12),
        st.sampled_from(["reads", "waits", "reads without its history", "begins anew"]),
    ),
    max_size=12,
)  # fmt: skip


@given(STEPS)
def test_each_execution_is_counted_once_however_many_share_a_millisecond(
    steps: list[tuple[int, int, str]],
) -> None:
    exchange, told, now_ms = Exchange(), list[str](), 1
    book, listing = books(exchange, told)

    def read(*, history: bool) -> None:
        exchange.history = history
        fresh = asyncio.run(listing.fresh())
        told.extend(
            one.venue_fill_id for one in book.add(fresh, {one.venue_fill_id: D(0) for one in fresh})
        )

    for later_ms, count, what in steps:
        now_ms += later_ms
        exchange.trade(count, now_ms)
        if what == "begins anew":
            book, listing = books(exchange, told)
        if what != "waits":
            read(history=what != "reads without its history")
    read(history=True)
    assert told == [one.venue_fill_id for one in exchange.done]
