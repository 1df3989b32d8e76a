"""The demo desk as data: accounts, strategies, limits and people. Nothing here is secret."""

from dataclasses import dataclass, field
from decimal import Decimal

from riskctl.models import Limit
from trading.models import Strategy

ADAPTER = "trading.venues.paper.PaperVenue"


@dataclass(frozen=True)
class DemoAccount:
    name: str
    venue: str
    gross_limit: int  # USD


@dataclass(frozen=True)
class DemoStrategy:
    """``size`` is the target position per symbol, USD."""

    key: str
    kind: Strategy.Kind
    owner: str
    account: str
    symbols: tuple[str, ...]
    size: int
    parameters: dict[str, float] = field(default_factory=dict)

    def limits(self) -> dict[str, Decimal]:
        """Wide enough to trade for days, tight enough to mean something.

        A position can be turned over in one order, and the price can move while it is held.
        """
        size = Decimal(self.size)
        return {
            Limit.Kind.ORDER_NOTIONAL: size * Decimal("2.4"),
            Limit.Kind.POSITION_NOTIONAL: size * Decimal("1.5"),
            Limit.Kind.GROSS_NOTIONAL: size * len(self.symbols) * 3,
            Limit.Kind.OPEN_ORDERS: Decimal(20),
            Limit.Kind.ORDER_RATE: Decimal(50),
            Limit.Kind.PRICE_COLLAR: Decimal(100),
        }


REHEARSAL = DemoAccount("rehearsal", "Paper Rehearsal", 1_000_000)
"""Where strategies of the other accounts trade while they climb back on the rung *paper*."""
ACCOUNTS = (
    DemoAccount("paper-1", "Paper One", 4_000_000),
    DemoAccount("paper-2", "Paper Two", 1_500_000),
    REHEARSAL,
)
FIRM_LIMITS: dict[str, Decimal] = {
    Limit.Kind.GROSS_NOTIONAL: Decimal(5_000_000),
    Limit.Kind.ORDER_NOTIONAL: Decimal(1_500_000),
    Limit.Kind.PRICE_COLLAR: Decimal(200),
}


def account_limits(account: DemoAccount) -> dict[str, Decimal]:
    return {
        Limit.Kind.GROSS_NOTIONAL: Decimal(account.gross_limit),
        Limit.Kind.OPEN_ORDERS: Decimal(100),
        Limit.Kind.ORDER_RATE: Decimal(100),
        Limit.Kind.PRICE_COLLAR: Decimal(100),
    }


_MERCY, _TOMAS = "mercy.okafor", "tomas.brandt"
_MOM, _MR = Strategy.Kind.MOMENTUM, Strategy.Kind.MEAN_REVERSION
_ARB = Strategy.Kind.ARBITRAGE
# Crypto costs ten times what others do: trading less keeps a day's fees below the loss triggers.
_SELDOM = {"mean_s": 600.0, "enter": 2.5, "stop": 6.0}
_RARE = {"mean_s": 300.0, "least_bp": 25.0}
# Sizes of futures hold one contract at least: quantities are rounded down to whole lots.
STRATEGIES = (
    DemoStrategy("mom-eurusd", _MOM, _MERCY, "paper-1", ("EURUSD",), 250_000),
    DemoStrategy("mr-eurusd", _MR, _TOMAS, "paper-1", ("EURUSD",), 200_000),
    DemoStrategy("mom-fx", _MOM, _MERCY, "paper-1", ("GBPUSD", "AUDUSD"), 120_000),
    DemoStrategy("mr-gold", _MR, _TOMAS, "paper-1", ("XAUUSD",), 100_000),
    DemoStrategy("mom-gold-futures", _MOM, _TOMAS, "paper-1", ("GCG7",), 450_000),
    DemoStrategy("mr-futures", _MR, _MERCY, "paper-1", ("ESZ6", "CLF7"), 400_000),
    DemoStrategy("mom-equities", _MOM, _MERCY, "paper-2", ("SPY", "AAPL", "MSFT"), 80_000),
    DemoStrategy("mr-spy", _MR, _TOMAS, "paper-2", ("SPY",), 100_000),
    DemoStrategy("mom-btcusdt", _MOM, _MERCY, "paper-2", ("BTCUSDT",), 60_000),
    DemoStrategy("mr-btcusdt", _MR, _TOMAS, "paper-2", ("BTCUSDT",), 50_000, _SELDOM),
    DemoStrategy("mom-crypto", _MOM, _TOMAS, "paper-2", ("ETHUSDT", "SOLUSDT"), 40_000),
    DemoStrategy("mr-btcusdt-perp", _MR, _MERCY, "paper-2", ("BTCUSDT-PERP",), 40_000, _SELDOM),
    DemoStrategy(
        "arb-btcusdt", _ARB, _MERCY, "paper-2", ("BTCUSDT", "BTCUSDT-PERP"), 30_000, _RARE
    ),
)
# A contract that has expired has no price but in a recording. Its strategy is made when such a
# recording is replayed: elsewhere it would wait for a price for ever. Minutes lie between quotes.
RECORDED = {
    "GCZ3": DemoStrategy(
        "mom-gcz3", _MOM, _TOMAS, "paper-1", ("GCZ3",), 300_000, {"fast_s": 300, "slow_s": 1500}
    ),
}


@dataclass(frozen=True)
class DemoDesk:
    """Strategies of ``accounts``; its people may do ``rights`` on those that are not their own."""

    key: str
    title: str
    accounts: tuple[str, ...]
    people: tuple[str, ...]
    rights: tuple[str, ...] = ("view",)


DESKS = (
    DemoDesk("fx-metals", "FX and metals", ("paper-1",), (_MERCY, _TOMAS)),
    DemoDesk("equities-crypto", "Equities and crypto", ("paper-2",), (_MERCY, _TOMAS)),
)


@dataclass(frozen=True)
class DemoPerson:
    username: str
    first_name: str
    last_name: str
    role: str


PEOPLE = (
    DemoPerson("mercy.okafor", "Mercy", "Okafor", "trader"),
    DemoPerson("tomas.brandt", "Tomas", "Brandt", "trader"),
    DemoPerson("ada.nwosu", "Ada", "Nwosu", "risk"),
    DemoPerson("lena.fischer", "Lena", "Fischer", "risk"),
    DemoPerson("jonas.lindqvist", "Jonas", "Lindqvist", "sre"),
    DemoPerson("ruth.adeyemi", "Ruth", "Adeyemi", "compliance"),
    DemoPerson("priya.raman", "Priya", "Raman", "administrator"),
    DemoPerson("noah.weiss", "Noah", "Weiss", "administrator"),
)
#: name of the token -> its owner and scopes
TOKENS: dict[str, tuple[str, tuple[str, ...]]] = {
    "read": ("jonas.lindqvist", ("read",)),
    "stop": ("ada.nwosu", ("read", "stop")),
    "flatten": ("lena.fischer", ("read", "flatten")),
    "trade-test": ("jonas.lindqvist", ("read", "trade-test")),
    "export": ("ruth.adeyemi", ("read", "export")),
}
