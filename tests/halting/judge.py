"""The judges: from the venue's own log, and from the database afterwards. They trust no gateway.

A leak is a create accepted in the venue's log after the caller's return, in the hold's scope,
before its lift was asked for, and not on the receipt's list of orders in flight.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

MET_NS = 300_000_000
"""A halt met load when an order of its scope was accepted so shortly before it."""

LIFE_NS = 10_000_000_000
"""Longer than any wish lives, and any order is under way."""

Entry = Mapping[str, Any]


@dataclass
class Halt:
    """One hold as its caller saw it. Times are wall nanoseconds of this host."""

    hold: str
    scope: str
    decided_ns: int
    returned_ns: int
    effective: bool
    in_flight: frozenset[str]
    receipt: Mapping[str, Any] = field(repr=False, default_factory=dict)
    lifted_ns: int = 2**62
    """Just before its lift was asked for."""

    def covers(self, order: Entry) -> bool:
        return self.scope in scopes_of(order)


def scopes_of(order: Entry) -> set[str]:
    """The scopes of an order of the load: ``account.strategy.symbol.number``."""
    account, strategy, symbol, _ = str(order["client_order_id"]).split(".")
    return {"firm", f"venue:{account}", f"strategy:{strategy}", f"instrument:{symbol}"}


def accepted(log: Iterable[Entry]) -> list[Entry]:
    """Accepted creates of the load, oldest first."""
    return [
        one
        for one in log
        if one["kind"] == "accepted" and not one["client_order_id"].startswith("manual-")
    ]


def leaks(halts: Sequence[Halt], log: Iterable[Entry]) -> list[tuple[Halt, Entry]]:
    """Every order that should not have been accepted, with the hold that said so."""
    orders = accepted(log)
    return [
        (halt, order)
        for halt in halts
        if halt.effective
        for order in _between(orders, halt.returned_ns, halt.lifted_ns)
        if halt.covers(order) and order["client_order_id"] not in halt.in_flight
    ]


def met_load(halts: Sequence[Halt], log: Iterable[Entry]) -> list[Halt]:
    """The halts in whose scope orders were just being accepted."""
    orders = accepted(log)
    return [
        halt
        for halt in halts
        if any(
            halt.covers(one) for one in _between(orders, halt.decided_ns - MET_NS, halt.decided_ns)
        )
    ]


def replayed(
    halts: Sequence[Halt], log: Iterable[Entry], born: Mapping[str, int]
) -> list[tuple[Halt, Entry]]:
    """Orders accepted after a lift that were wanted before it. ``born``: wall ns by order id.

    What was on its way when the hold came is on its receipt, and may arrive that late.
    """
    orders = accepted(log)
    return [
        (halt, order)
        for halt in halts
        if halt.effective
        for order in _between(orders, halt.lifted_ns, halt.lifted_ns + LIFE_NS)
        if halt.covers(order)
        and born[order["client_order_id"]] < halt.lifted_ns
        and order["client_order_id"] not in halt.in_flight
    ]


def sent_twice(log: Iterable[Entry]) -> list[str]:
    """Client order ids of which the venue saw more than one create."""
    seen = Counter(one["client_order_id"] for one in log if one["kind"] in ("accepted", "rejected"))
    return sorted(ident for ident, count in seen.items() if count > 1)


def _between(orders: Sequence[Entry], after_ns: int, before_ns: int) -> Iterable[Entry]:
    """Orders in a span of time; ``orders`` are in the order of their times."""
    low, high = 0, len(orders)
    while low < high:
        middle = (low + high) // 2
        if orders[middle]["at_ns"] <= after_ns:
            low = middle + 1
        else:
            high = middle
    while low < len(orders) and orders[low]["at_ns"] < before_ns:
        yield orders[low]
        low += 1
