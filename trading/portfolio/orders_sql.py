"""How orders are judged, in SQL, once: of ``trading_order o``, aggregated over any rows of it.

*Slippage*: what fills cost beyond the mid the strategy saw, in basis points of the value there,
by value. *Fill rate*: how much of each order that was sent and has ended was filled, on average.
Stops are left out of both by whoever asks (``WORKED``): they rest on purpose.
"""

WORKED = "o.order_type <> 'stop'"
VALUE = "o.filled * o.reference_price"
COST = f"CASE o.side WHEN 'buy' THEN 1 ELSE -1 END * (o.filled_value - {VALUE})"
SLIPPAGE_BP = f"10000 * sum({COST}) / nullif(sum({VALUE}), 0)"
FILL_RATE = (
    "avg(o.filled / o.quantity) FILTER (WHERE o.ended_at IS NOT NULL AND o.sent_at IS NOT NULL)"
)
