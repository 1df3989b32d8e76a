"""What the simulator knows of each market: how lively, how wide, how often quoted, and when.

Volatilities are several times those of a quiet day: a demo must move while somebody looks.
"""

from dataclasses import dataclass

from trading.clock import NS
from trading.universe import UNIVERSE, AssetClass, Instrument

DAY_NS = 86_400 * NS
YEAR_S = 365 * 86_400


@dataclass(frozen=True)
class Profile:
    """One simulated instrument.

    ``volatility`` is annual, as a fraction; ``spread`` in ticks in a normal regime; ``rate`` in
    quotes a second at full activity.
    """

    instrument: Instrument
    volatility: float
    spread: float
    rate: float

    @property
    def sigma(self) -> float:
        """Standard deviation of the log price over one second."""
        return float(self.volatility / YEAR_S**0.5)


def _profile(symbol: str, volatility: float, spread: float, rate: float) -> Profile:
    return Profile(UNIVERSE.by_symbol(symbol), volatility, spread, rate)


PROFILES: tuple[Profile, ...] = (
    _profile("EURUSD", 0.25, 4, 14),
    _profile("GBPUSD", 0.28, 6, 10),
    _profile("AUDUSD", 0.30, 6, 9),
    _profile("XAUUSD", 0.40, 150, 12),
    _profile("SPY", 0.35, 1.5, 12),
    _profile("AAPL", 0.60, 2, 9),
    _profile("MSFT", 0.55, 3, 8),
    _profile("ESZ6", 0.35, 1.2, 12),
    _profile("CLF7", 0.70, 1.5, 8),
    _profile("GCG7", 0.40, 2, 7),
    _profile("BTCUSDT", 1.00, 60, 14),
    _profile("ETHUSDT", 1.20, 15, 10),
    _profile("SOLUSDT", 1.50, 2, 8),
    _profile("BTCUSDT-PERP", 1.00, 6, 11),
)
LEADER = "BTCUSDT"
FOLLOWER = "BTCUSDT-PERP"

QUIETEST = 0.55
"""No market is ever silent: activity lies between this and 1."""

# Hours of the day (UTC) and the activity there; in between it is interpolated.
_HOURS: dict[AssetClass, tuple[tuple[float, float], ...]] = {
    # London and New York, with the overlap in the afternoon.
    AssetClass.FX: ((0, 0.7), (6, 0.75), (8, 0.95), (11, 0.8), (13.5, 1.0), (16, 0.9), (21, 0.55)),
    # The opening and closing auctions make a U.
    AssetClass.EQUITY: ((0, 0.55), (9, 0.6), (14, 0.75), (14.5, 1.0), (17.5, 0.75), (20.5, 1.0),
                        (21.5, 0.6)),
    AssetClass.FUTURE: ((0, 0.65), (7, 0.75), (14.5, 1.0), (17.5, 0.8), (20.5, 0.95), (22, 0.55)),
    AssetClass.CRYPTO: ((0, 0.8), (8, 0.8), (15, 1.0), (20, 0.9)),
}  # fmt: skip


def activity(kind: AssetClass, time_ns: int) -> float:
    """How lively the class is at that time of day: QUIETEST to 1."""
    hour = (time_ns % DAY_NS) / (3_600 * NS)
    points = _HOURS[kind]
    after = next((at for at, (begin, _) in enumerate(points) if begin > hour), len(points))
    left_hour, left = points[after - 1]
    right_hour, right = (24.0, points[0][1]) if after == len(points) else points[after]
    share = (hour - left_hour) / (right_hour - left_hour)
    return left + (right - left) * share
