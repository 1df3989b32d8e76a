"""Who gives signs of life, and what waits: from heartbeats of stages. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from riskctl.holds import FIRM
from riskctl.triggers.evaluate import Reading
from trading.health import StageReading
from trading.portfolio.market import FeedPhase, Market

UNQUEUED = frozenset({"broker"})
"""Stages whose ``queue`` is not a backlog: the broker's are open orders."""

MS = 1_000_000


@dataclass(frozen=True, slots=True)
class Heard:
    """When something last gave a sign of life, in nanoseconds ago; None: never since we watch."""

    name: str
    ago_ns: int | None


class Signs:
    """The latest sign of life of each: one that was given is not taken back.

    A Redis that comes back with older data, or with none, says what was; for a moment everything
    would look as silent as that data is old.
    """

    def __init__(self) -> None:
        self._at: dict[str, int] = {}

    def latest(self, heard: Heard, now_ns: int) -> Heard:
        """``heard`` as of ``now_ns``, or what was heard later than that before."""
        known = self._at.get(heard.name)
        if heard.ago_ns is not None:
            said = now_ns - max(heard.ago_ns, 0)
            known = self._at[heard.name] = said if known is None else max(known, said)
        return Heard(heard.name, None if known is None else now_ns - known)


class Known:
    """Since when each is known of: what is made known to a running desk was not silent before."""

    def __init__(self) -> None:
        self._since: dict[str, int] = {}

    def of(self, key: str, heard: Heard, now_ns: int) -> Heard:
        """``heard``, silent for no longer than ``key`` is known of."""
        known_ns = now_ns - self._since.setdefault(key, now_ns)
        ago_ns = known_ns if heard.ago_ns is None else min(heard.ago_ns, known_ns)
        return Heard(heard.name, ago_ns)


def silence(heard: Iterable[Heard], watched_ns: int) -> tuple[Decimal, str]:
    """Seconds of the most silent, and its name. What was never heard counts since we watch.

    Nothing counts for longer than that: a desk that starts is not told what an earlier one did.
    """
    worst, name = 0, ""
    for one in heard:
        ago = watched_ns if one.ago_ns is None else min(one.ago_ns, watched_ns)
        if ago > worst:
            worst, name = ago, one.name
    return Decimal(worst // MS) / 1_000, name


def stage_heard(
    stages: Mapping[str, Sequence[StageReading]], stage: str, instance: str, read_ago_ns: int
) -> Heard:
    """One instance of a stage, by a reading made ``read_ago_ns`` ago."""
    found = [one for one in stages.get(stage, ()) if one.instance == instance]
    ago = min((one.heartbeat_ms * MS + read_ago_ns for one in found), default=None)
    return Heard(f"{stage} {instance}", ago)


def component_reading(heard: Iterable[Heard], watched_ns: int, now_ns: int) -> Reading:
    seconds, name = silence(heard, watched_ns)
    return Reading("component-down", FIRM, seconds, now_ns, name)


def gateway_reading(account: str, heard: Heard, watched_ns: int, now_ns: int) -> Reading:
    seconds, name = silence([heard], watched_ns)
    return Reading("gateway-down", f"venue:{account}", seconds, now_ns, name)


def feed_reading(market: Market, phase: FeedPhase, wall_ns: int, watched_ns: int) -> Reading | None:
    """None when the recording has ended: then nothing is traded, and nothing is missing."""
    if phase == "ended":
        return None
    seconds, _ = silence([Heard("feed", market.silent_ns(wall_ns))], watched_ns)
    return Reading("feed-outage", FIRM, seconds, wall_ns, f"feed {phase}")


def queue_reading(
    stages: Mapping[str, Sequence[StageReading]], more: Mapping[str, int], now_ns: int
) -> Reading:
    """The longest queue; ``more`` are those of other places."""
    depths = {
        f"{name} {one.instance}": one.queue
        for name, readings in stages.items()
        if name not in UNQUEUED
        for one in readings
    }
    depths.update(more)
    name = max(depths, key=lambda one: depths[one], default="")
    return Reading("queue-backlog", FIRM, Decimal(depths.get(name, 0)), now_ns, name)
