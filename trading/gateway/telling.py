"""What a gateway tells everyone: latest values, so a lost message heals with the next. Pure."""

from trading.gateway.book import Book, LiveOrder
from trading.messages import BookSnapshot, FillInfo, Holding, OpenOrder, OrderUpdate


def update_of(
    account: str, book: Book, order: LiveOrder, fill: FillInfo | None = None
) -> OrderUpdate:
    """The order's latest state with its strategy's position and open quantity after it."""
    return OrderUpdate(
        account=account,
        strategy=order.strategy,
        symbol=order.symbol,
        client_order_id=order.client_order_id,
        intent_id=order.intent_id,
        correlation_id=order.correlation_id,
        side=order.side,
        quantity=order.quantity,
        filled=order.filled,
        state=str(order.state),
        final=order.final,
        reason_code=order.reason_code,
        reason=order.reason,
        version=order.version,
        position=book.holding(order.strategy, order.symbol).quantity,
        in_flight=book.in_flight(order.strategy, order.symbol),
        at_wall=max(order.ended_wall_ns, order.answered_wall_ns, order.created_wall_ns),
        fill=fill,
        apart=order.apart,
    )


def snapshot(account: str, book: Book, wall_ns: int) -> BookSnapshot:
    """Everything held, for readers that start or have lost messages."""
    return BookSnapshot(
        account=account,
        at_wall=wall_ns,
        holdings=[
            Holding(
                strategy=strategy,
                symbol=symbol,
                position=book.holding(strategy, symbol).quantity,
                in_flight=book.in_flight(strategy, symbol),
            )
            for strategy, symbol in sorted(book.keys())
        ],
        open_orders=[
            OpenOrder(
                strategy=order.strategy,
                symbol=order.symbol,
                client_order_id=order.client_order_id,
                side=order.side,
                quantity=order.quantity,
                filled=order.filled,
                limit_price=order.limit_price,
            )
            for order in book.open_orders()
            if not order.apart
        ],
    )
