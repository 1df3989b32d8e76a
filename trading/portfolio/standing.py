"""Whether a strategy is known to be able to trade, and why not. Pure.

ACTIVE and REDUCE-ONLY are only said when everything that trading rests on has been heard of just
now; else it is UNKNOWN, with the reasons in words. A hold that halts is known whatever else is
not: nothing but its lift ends it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from riskctl.holds import Mode
from trading.health import StageReading
from trading.portfolio.books import AccountRow, StrategyRow
from trading.portfolio.market import DataAge, DataStatus, FeedPhase

State = Literal["ACTIVE", "REDUCE-ONLY", "HALTED", "FROZEN", "UNKNOWN"]
GatewayState = Literal["licensed", "unlicensed", "disconnected", "dead"]

Stages = Mapping[str, Sequence[StageReading]]

BOOKS_FRESH_MS = 3_000
BOOKS_LATE_MS = 15_000

_WORSE: dict[DataStatus, int] = {"fresh": 0, "late": 1, "stale": 2, "dead": 3}


@dataclass(frozen=True, slots=True)
class Gateway:
    """One account's gateway as it last said; ``connected`` and ``licence_ms`` None when dead."""

    account: str
    venue: str
    live: bool
    state: GatewayState
    connected: bool | None
    licence_ms: int | None
    heartbeat_ms: int | None
    p50_us: float | None = None
    p99_us: float | None = None
    alarms: str = ""
    """What is wrong with its orders, in words; empty when nothing is known to be."""


@dataclass(frozen=True, slots=True)
class Standing:
    state: State
    why: str


def gateway_of(account: AccountRow, stages: Stages) -> Gateway:
    """What the account's gateway last said under ``broker:<account>``."""
    said = _instance(stages.get("broker", ()), (account.name,))
    if said is None or said.status == "dead":
        beat = None if said is None else said.heartbeat_ms
        return Gateway(account.name, account.venue, account.live, "dead", None, None, beat)
    connected = said.extra.get("connected", "").lower() in ("1", "true", "yes")
    licence_ms = max(0, int(float(said.extra.get("licence_ms") or 0)))
    state: GatewayState = "licensed" if licence_ms > 0 else "unlicensed"
    return Gateway(
        account.name,
        account.venue,
        account.live,
        state if connected else "disconnected",
        connected,
        licence_ms,
        said.heartbeat_ms,
        said.p50_us,
        said.p99_us,
        said.extra.get("alarms", ""),
    )


def worst(ages: Sequence[DataAge]) -> DataAge:
    """The worst of those of a strategy's symbols that the feed carries; none: no data."""
    carried = [one for one in ages if one.age_ms is not None]
    if not carried:
        return DataAge("dead", None)
    return max(
        carried,
        key=lambda one: (_WORSE[one.status], one.age_ms or 0),
    )


def firm_standing(gateways: Sequence[Gateway], mode: Mode = Mode.ACTIVE) -> Standing:
    """By the holds on the firm; else ACTIVE when every account's gateway may send.

    A gateway that may not is named.
    """
    closed = [one.account for one in gateways if one.state != "licensed"]
    reasons = [] if gateways and not closed else [", ".join(closed) or "no account"]
    return _standing(mode, [f"not known to trade: {one}" for one in reasons])


def _standing(mode: Mode, reasons: Sequence[str]) -> Standing:
    why = "; ".join(reasons)
    if mode is Mode.HALTED:
        return Standing("HALTED", why)
    if mode is Mode.FROZEN:
        return Standing("FROZEN", why)
    if why:
        return Standing("UNKNOWN", why)
    return Standing("REDUCE-ONLY" if mode is Mode.REDUCE_ONLY else "ACTIVE", "")


def books_status(age_ms: int | None) -> Literal["fresh", "late", "dead"]:
    """How old the last reading of positions is: fresh below 3 s, late below 15."""
    if age_ms is None:
        return "dead"
    if age_ms < BOOKS_FRESH_MS:
        return "fresh"
    return "late" if age_ms < BOOKS_LATE_MS else "dead"


def standing_of(
    strategy: StrategyRow,
    *,
    gateways: Mapping[str, Gateway | None],
    stages: Stages,
    phase: FeedPhase,
    ages: Mapping[str, DataAge],
    books_age_ms: int | None,
    mode: Mode = Mode.ACTIVE,
    rung: str = "live",
) -> Standing:
    """The state, with every reason for doubt joined by semicolons.

    ``mode`` is that of the holds on it; ``rung`` empty: it stands on none.
    """
    reasons = [
        *_rung_reasons(rung),
        *(why for name, one in gateways.items() for why in _gateway_reasons(name, one)),
        *_shard_reasons(strategy.shard, stages),
        *_data_reasons(strategy.symbols, phase, ages),
    ]
    if books_age_ms is None:
        reasons.append("positions were never read")
    elif books_status(books_age_ms) == "dead":
        reasons.append(f"positions were last read {books_age_ms // 1000} s ago")
    return _standing(mode, reasons)


def _rung_reasons(rung: str) -> list[str]:
    if not rung:
        return ["it stands on no rung of the ladder"]
    return ["it stands on the rung stopped"] if rung == "stopped" else []


def _gateway_reasons(account: str, gateway: Gateway | None) -> list[str]:
    if gateway is None or gateway.state == "dead":
        since = "" if gateway is None else _for(gateway.heartbeat_ms)
        return [f"gateway {account} sent no heartbeat{since}"]
    if gateway.state == "disconnected":
        return [f"gateway {account} is not connected to its venue"]
    if gateway.state == "unlicensed":
        return [f"gateway {account} has no licence"]
    return []


def _shard_reasons(shard: int, stages: Stages) -> list[str]:
    said = shard_reading(shard, stages)
    if said is not None and said.status != "dead":
        return []
    return [f"shard {shard} sent no heartbeat{_for(None if said is None else said.heartbeat_ms)}"]


def _data_reasons(
    symbols: Sequence[str], phase: FeedPhase, ages: Mapping[str, DataAge]
) -> list[str]:
    """A strategy trades what it has a price for: only without any it cannot trade at all."""
    if phase == "ended":
        return ["the feed has ended"]
    if phase == "dead":
        return ["the feed is silent for over 30 s"]
    if any(ages[one].status in ("fresh", "late") for one in symbols):
        return []
    never = [one for one in symbols if ages[one].age_ms is None]
    stale = [one for one in symbols if one not in never]
    reasons = [f"no price for {', '.join(never)} yet"] if never else []
    if stale:
        reasons.append(f"price of {', '.join(stale)} is over 30 s old")
    return reasons


def shard_reading(shard: int, stages: Stages) -> StageReading | None:
    """The shard's own heartbeat, from the stage that it is the only one to report."""
    return _instance(stages.get("signal-generator", ()), (f"shard:{shard}", str(shard)))


def _instance(readings: Sequence[StageReading], names: tuple[str, ...]) -> StageReading | None:
    found = [one for one in readings if one.instance in names]
    return min(found, key=lambda one: one.heartbeat_ms, default=None)


def _for(heartbeat_ms: int | None) -> str:
    return "" if heartbeat_ms is None else f" for {heartbeat_ms / 1000:.0f} s"
