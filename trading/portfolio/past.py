"""The last quarter of an hour of the path's stages, for pages that open now. Pure.

Kept by the portfolio's loop, published beside the frames every few seconds: a frame five times a
second need not carry it.
"""

import datetime as dt
from collections import deque
from typing import Any

from trading.health import STAGES
from trading.portfolio.pipeline import stage_body
from trading.portfolio.standing import Stages
from trading.portfolio.text import moment

EVERY_S = 5.0
KEPT = 180
KEY = "hl:pipeline:past"


class PipelinePast:
    """p99 of each stage every ``EVERY_S``, in whole microseconds; None where it was not known."""

    def __init__(self) -> None:
        self._p99: dict[str, deque[int | None]] = {one: deque(maxlen=KEPT) for one in STAGES}

    def take(self, stages: Stages, now: dt.datetime) -> dict[str, Any]:
        """Note what is now; the whole past, oldest first."""
        for name, kept in self._p99.items():
            kept.append(stage_body(name, stages.get(name, ()))["p99_us"])
        return {
            "as_of": moment(now),
            "every_s": EVERY_S,
            "p99_us": {name: list(kept) for name, kept in self._p99.items()},
        }
