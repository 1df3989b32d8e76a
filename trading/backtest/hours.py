"""When the first and the last price of a bar were traded: while its market was open. Pure."""

import datetime as dt

import numpy as np
import numpy.typing as npt

from trading.clock import NS, utc_from_ns
from trading.sessions import MARKETS, Phase, spans

Times = npt.NDArray[np.int64]


def in_session(market: str, begins: Times, ends: Times) -> tuple[Times, Times]:
    """Of each bar the times of its open and close: in the sessions that lie within it, if any do.

    A day's bar begins at midnight, but its open was traded when the market opened.
    """
    if MARKETS[market].always:
        return begins, ends
    first, last = utc_from_ns(int(begins.min())).date(), utc_from_ns(int(ends.max())).date()
    around = spans(MARKETS[market], first - dt.timedelta(7), last + dt.timedelta(1))
    known = [one for one in around if one.phase is Phase.OPEN]
    if not known:
        return begins, ends
    opens = np.array([int(one.begins.timestamp()) * NS for one in known], dtype=np.int64)
    closes = np.array([int(one.ends.timestamp()) * NS for one in known], dtype=np.int64)
    # The first session that ends after the bar began, and the last that opened before it ended.
    one = np.minimum(np.searchsorted(closes, begins, side="right"), len(known) - 1)
    other = np.maximum(np.searchsorted(opens, ends, side="right") - 1, 0)
    meets = (opens[one] <= ends) & (closes[one] > begins)
    return (
        np.where(meets, np.maximum(begins, opens[one]), begins),
        np.where(meets, np.minimum(ends, closes[other] - NS), ends),
    )
