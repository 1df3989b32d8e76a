"""The pipeline's first picture: the seven stages, feeds, gateways, leases and services in words."""

import math
from dataclasses import dataclass
from decimal import Decimal

from console.pages import formats
from console.pages.pathframe import (
    GatewayLine,
    LeaseLine,
    PipelineFrame,
    QuoteLine,
    ServiceLine,
    Stage,
)
from console.pages.stagelines import WORDS, count_words, rate_words
from trading.health import STAGES

SERVICE_WORDS = {"database": "Database", "redis": "Streams", "watchdog": "Watchdog"}
GATEWAY_WORDS = {
    "licensed": "licensed",
    "unlicensed": "no licence",
    "disconnected": "disconnected",
    "dead": "not heard of",
}
LICENCE_MS = 250
SCALE_WIDTH, SCALE_FROM_US, SCALE_DECADES = 160, 10, 5
"""Latencies are drawn on one logarithmic scale, 10 µs to 1 s."""


@dataclass(frozen=True)
class StageView:
    key: str
    name: str
    instances: str
    status: str
    rate: str
    unit: str
    p50: str
    p95: str
    p99: str
    x50: str
    x95: str
    x99: str
    heartbeat: str
    queue: str
    errors: str


@dataclass(frozen=True)
class FeedView:
    """What the running feed session read, passed on and refused."""

    spec: str = formats.UNKNOWN
    state: str = "not heard of"
    quotes: str = formats.UNKNOWN
    published: str = formats.UNKNOWN
    refused: str = formats.UNKNOWN
    reasons: str = formats.UNKNOWN
    clocks: str = ""


@dataclass(frozen=True)
class QuoteView:
    symbol: str
    age: str
    status: str
    bid: str
    ask: str
    quotes: str
    refused: str
    good: str
    reasons: str
    noted: bool


@dataclass(frozen=True)
class GatewayView:
    account: str
    venue: str
    paper: bool
    state: str
    words: str
    heartbeat: str
    licence: str
    licence_part: str
    p50: str
    p99: str
    token: str
    alarms: str


@dataclass(frozen=True)
class LeaseView:
    name: str
    holder: str
    token: str
    expires: str
    state: str


@dataclass(frozen=True)
class ServiceView:
    key: str
    name: str
    status: str
    value: str
    sub: str


def stages_of(frame: PipelineFrame | None) -> list[StageView]:
    """All seven, in the order a tick goes, whether or not anybody reports them."""
    known = {one.stage: one for one in frame.stages} if frame else {}
    return [_stage(known.get(name, Stage(name))) for name in STAGES]


def feed_of(frame: PipelineFrame | None) -> FeedView:
    if frame is None:
        return FeedView()
    one = frame.feed
    return FeedView(
        spec=one.spec or formats.UNKNOWN,
        state=one.state,
        quotes=count_words(one.quotes),
        published=count_words(one.published),
        refused=count_words(sum(one.rejected.values())),
        reasons=reasons_words(one.rejected),
        clocks=clocks_words(one.skew_ms),
    )


def clocks_words(skew_ms: dict[str, int]) -> str:
    """``kraken +12 ms``, what a live source's clock is against ours; empty of any other feed."""
    return ", ".join(f"{name} {ms:+d} ms" for name, ms in sorted(skew_ms.items()))


def quotes_of(frame: PipelineFrame | None) -> list[QuoteView]:
    return [_quote(one) for one in frame.feeds] if frame else []


def gateways_of(frame: PipelineFrame | None) -> list[GatewayView] | None:
    """None when they could not be read."""
    if frame is None or frame.gateways is None:
        return None
    return [_gateway(one) for one in frame.gateways]


def leases_of(frame: PipelineFrame | None) -> list[LeaseView] | None:
    if frame is None or frame.leases is None:
        return None
    return [_lease(one) for one in frame.leases]


def services_of(frame: PipelineFrame | None) -> list[ServiceView]:
    """The three that the path rests on; dashes until a frame tells."""
    known = {one.name: one for one in frame.services} if frame else {}
    names = [*SERVICE_WORDS, *(name for name in known if name not in SERVICE_WORDS)]
    return [_service(known.get(name, ServiceLine(name))) for name in names]


def reasons_words(rejected: dict[str, int]) -> str:
    """``crossed 2, gap 1``; none is said."""
    parts = [f"{reason} {count:,}" for reason, count in sorted(rejected.items()) if count]
    return ", ".join(parts) or "none"


def scale_x(us: int | None) -> str:
    """Where a latency lies on the scale, in its 160 units; empty when unknown."""
    if us is None:
        return ""
    decades = math.log10(max(us, SCALE_FROM_US) / SCALE_FROM_US)
    return f"{min(decades / SCALE_DECADES, 1.0) * SCALE_WIDTH:.1f}"


def _stage(one: Stage) -> StageView:
    name, instance, unit = WORDS[one.stage]
    count = f"{one.instances} {instance}{'' if one.instances == 1 else 's'}"
    return StageView(
        key=one.stage,
        name=name,
        instances=count if one.instances else "nobody reports",
        status=one.status,
        rate=rate_words(one.rate),
        unit=unit,
        p50=formats.latency(one.p50_us),
        p95=formats.latency(one.p95_us),
        p99=formats.latency(one.p99_us),
        x50=scale_x(one.p50_us),
        x95=scale_x(one.p95_us),
        x99=scale_x(one.p99_us),
        heartbeat=formats.age(one.heartbeat_ms),
        queue=count_words(one.queue),
        errors=count_words(one.errors),
    )


def _quote(one: QuoteLine) -> QuoteView:
    return QuoteView(
        symbol=one.symbol,
        age=formats.age(one.age_ms),
        status=one.status,
        bid=formats.price(one.bid),
        ask=formats.price(one.ask),
        quotes=count_words(one.quotes),
        refused=count_words(sum(one.rejected.values())),
        good=good_words(one.quotes, sum(one.rejected.values())),
        reasons="; ".join(filter(None, (one.note, reasons_words(one.rejected)))),
        noted=bool(one.note),
    )


def good_words(passed: int | None, refused: int) -> str:
    """Share of a symbol's quotes that were passed on, %: never 100.0 while one was refused."""
    if passed is None or not passed + refused:
        return formats.UNKNOWN
    share = Decimal(passed) / (passed + refused) * 100
    return formats.number(share if not refused else min(share, Decimal("99.99")), 2)


def _gateway(one: GatewayLine) -> GatewayView:
    left = one.licence_ms
    return GatewayView(
        account=one.account,
        venue=one.venue,
        paper=not one.live,
        state=one.state,
        words=GATEWAY_WORDS.get(one.state, one.state),
        heartbeat=formats.age(one.heartbeat_ms),
        licence=formats.UNKNOWN if left is None else f"{max(left, 0)} ms",
        licence_part=f"{100 * min(max(left or 0, 0), LICENCE_MS) / LICENCE_MS:.0f}",
        p50=formats.latency(one.p50_us),
        p99=formats.latency(one.p99_us),
        token=count_words(one.fencing_token),
        alarms=one.alarms,
    )


def _lease(one: LeaseLine) -> LeaseView:
    left = one.expires_ms
    state = "held" if one.holder and left is not None and left >= 0 else "expired"
    return LeaseView(
        name=one.name,
        holder=one.holder or "none",
        token=count_words(one.token),
        expires=formats.UNKNOWN if left is None else formats.age(left) if left >= 0 else "expired",
        state=state,
    )


def _service(one: ServiceLine) -> ServiceView:
    if one.ms is None:
        value = formats.UNKNOWN
    elif one.name == "watchdog":
        value = formats.age(int(one.ms))
    else:
        value = formats.latency(round(one.ms * 1000))
    words = {"fresh": "answers", "late": "late"}.get(one.status, "does not answer")
    if one.name == "watchdog":
        words = {"fresh": "old heartbeat", "late": "old heartbeat"}.get(one.status, "no heartbeat")
    return ServiceView(one.name, SERVICE_WORDS.get(one.name, one.name), one.status, value, words)
