"""How orders are judged, in SQL, once: of ``trading_order o``, aggregated over any rows of it.

*Slippage*: what fills cost beyond the mid the strategy saw, in basis points of the value there,
by value in USD: a contract counts as all that it is of. *Fill rate*: how much of each order that
was sent and has ended was filled, on average. Stops are left out of both by whoever asks
(``WORKED``): they rest on purpose.
"""

from trading.universe import UNIVERSE

_UNITS = " ".join(
    f"WHEN '{one.symbol}' THEN {one.unit:f}" for one in UNIVERSE.instruments if one.unit != 1
)
UNIT = f"CASE o.symbol {_UNITS} ELSE 1 END"
"""USD value of a price move of 1 on a quantity of 1: trading.universe's, in SQL."""

WORKED = "o.order_type <> 'stop'"
VALUE = "o.filled * o.reference_price"
COST = f"CASE o.side WHEN 'buy' THEN 1 ELSE -1 END * (o.filled_value - {VALUE})"
SLIPPAGE_BP = f"10000 * sum({COST} * {UNIT}) / nullif(sum({VALUE} * {UNIT}), 0)"
_ENDED = "o.ended_at IS NOT NULL AND o.sent_at IS NOT NULL"
_FILLED = "avg(o.filled / o.quantity)"
FILL_RATE = f"{_FILLED} FILTER (WHERE {_ENDED})"
AT_ONCE = "(o.order_type = 'market' OR o.time_in_force = 'ioc')"
"""Meant to fill as it arrives. The others rest, and most of a market maker's end unfilled."""
FILL_RATE_AT_ONCE = f"{_FILLED} FILTER (WHERE {_ENDED} AND {AT_ONCE})"
