"""A tick as it travels: fixed-point, 56 bytes, packed many to one stream entry. Trades likewise.

Prices and sizes are whole numbers of 1e-9 so that they are exact; indicators scale them to
float64 in one vector operation. A size of 0 means the feed gave none.
"""

import numpy as np
import numpy.typing as npt

TICK = np.dtype(
    [
        ("instrument", "<i4"),
        ("source", "<i4"),
        ("time", "<i8"),  # feed time, ns since the epoch
        ("bid", "<i8"),
        ("ask", "<i8"),
        ("bid_size", "<i8"),
        ("ask_size", "<i8"),
        ("volume", "<i8"),
    ]
)

TRADE = np.dtype(
    [
        ("instrument", "<i4"),
        ("source", "<i4"),
        ("side", "<i4"),  # of the aggressor: 1 bought, -1 sold, 0 not told
        ("time", "<i8"),
        ("price", "<i8"),
        ("size", "<i8"),
    ]
)

Ticks = npt.NDArray[np.void]
Trades = npt.NDArray[np.void]

SCALE = 1e-9


def empty(count: int) -> Ticks:
    """``count`` zeroed ticks."""
    return np.zeros(count, dtype=TICK)


def no_trades(count: int = 0) -> Trades:
    return np.zeros(count, dtype=TRADE)


def pack(ticks: Ticks) -> bytes:
    return ticks.tobytes()


def unpack(data: bytes) -> Ticks:
    """Read-only view of packed ticks. Raises ValueError when the length is no whole number."""
    return np.frombuffer(data, dtype=TICK)


def mids(ticks: Ticks) -> npt.NDArray[np.float64]:
    """Mid prices as float64, shape (len(ticks),)."""
    both: npt.NDArray[np.float64] = (ticks["bid"] + ticks["ask"]) * (SCALE / 2)
    return both
