"""An order as the venue knows it, and what can happen to it. Numbers are whole 1e-9."""

from dataclasses import dataclass

BUY, SELL = "buy", "sell"
MARKET, LIMIT, STOP = "market", "limit", "stop"
GTC, IOC, GTD = "gtc", "ioc", "gtd"
WORKING, FILLED, CANCELLED, EXPIRED, REJECTED = (
    "working",
    "filled",
    "cancelled",
    "expired",
    "rejected",
)


@dataclass(slots=True)
class Order:
    """``number`` is the venue's own and gives time priority; ``limit`` is None at the market.

    ``taking``: marketable since it arrived, so it goes on taking what each quote shows.
    ``post_only``: it never takes. ``expires_ns``: of a GTD order, by the venue's own clock.
    ``stop``: the price whose touch makes a stop order a market order; ``triggered`` since then.
    """

    number: int
    account: str
    client_order_id: str
    symbol: str
    side: str
    order_type: str
    time_in_force: str
    quantity: int
    limit: int | None
    not_after_ns: int
    filled: int = 0
    state: str = WORKING
    code: str = ""
    reason: str = ""
    taking: bool = True
    reduce_only: bool = False
    stop: int | None = None
    triggered: bool = False
    post_only: bool = False
    expires_ns: int = 0

    @property
    def venue_order_id(self) -> str:
        return f"P{self.number}"

    @property
    def left(self) -> int:
        return self.quantity - self.filled

    @property
    def waits(self) -> bool:
        """A stop order that no quote has reached yet."""
        return self.stop is not None and not self.triggered

    @property
    def sign(self) -> int:
        return 1 if self.side == BUY else -1


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an order does not enter the book."""

    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Execution:
    """Part of ``order`` was done; ``feed_time_ns`` is the feed's clock then."""

    order: Order
    quantity: int
    price: int
    fee: int
    currency: str
    maker: bool
    cash_flow: int
    feed_time_ns: int


@dataclass(frozen=True, slots=True)
class Done:
    """What was left of ``order`` is gone, as its state says."""

    order: Order


@dataclass(frozen=True, slots=True)
class Triggered:
    """A quote reached the stop of ``order``: from now on it is a market order."""

    order: Order


Outcome = Execution | Done | Triggered


@dataclass(frozen=True, slots=True)
class Fill:
    """An execution as it is recorded: ``sequence`` counts the account's fills from 1."""

    account: str
    sequence: int
    client_order_id: str
    symbol: str
    side: str
    quantity: int
    price: int
    fee: int
    currency: str
    maker: bool
    cash_flow: int
    venue_time_ns: int
    feed_time_ns: int

    @property
    def fill_id(self) -> str:
        return f"{self.account}-{self.sequence}"
