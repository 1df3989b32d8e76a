"""The pipeline's live frame as its page reads it: the path stage by stage, feeds, gateways."""

import datetime as dt
from decimal import Decimal

import msgspec

from console.pages.stagelines import WorkerLine


class Stage(msgspec.Struct, frozen=True):
    stage: str
    instances: int = 0
    status: str = "dead"
    rate: Decimal | None = None
    p50_us: int | None = None
    p95_us: int | None = None
    p99_us: int | None = None
    heartbeat_ms: int | None = None
    queue: int | None = None
    errors: int | None = None


class QuoteLine(msgspec.Struct, frozen=True):
    symbol: str
    age_ms: int | None = None
    status: str = "dead"
    quotes: int | None = None
    rejected: dict[str, int] = {}
    bid: Decimal | None = None
    ask: Decimal | None = None
    note: str = ""


class FeedLine(msgspec.Struct, frozen=True):
    session: str | None = None
    spec: str = ""
    speed: str = ""
    state: str = "dead"
    clock: dt.datetime | None = None
    age_ms: int | None = None
    quotes: int | None = None
    published: int | None = None
    rejected: dict[str, int] = {}
    skew_ms: dict[str, int] = {}


class LeaseLine(msgspec.Struct, frozen=True):
    name: str
    role: str = ""
    holder: str = ""
    token: int | None = None
    expires_ms: int | None = None


class GatewayLine(msgspec.Struct, frozen=True):
    account: str
    venue: str = ""
    live: bool = False
    connected: bool | None = None
    licence_ms: int | None = None
    state: str = "dead"
    heartbeat_ms: int | None = None
    p50_us: int | None = None
    p99_us: int | None = None
    alarms: str = ""
    fencing_token: int | None = None


class ServiceLine(msgspec.Struct, frozen=True):
    name: str
    status: str = "dead"
    ms: float | None = None


class PipelineFrame(msgspec.Struct, frozen=True):
    topic: str
    seq: int
    as_of: dt.datetime
    stages: list[Stage]
    feeds: list[QuoteLine]
    feed: FeedLine
    leases: list[LeaseLine] | None = None
    gateways: list[GatewayLine] | None = None
    services: list[ServiceLine] = []
    workers: list[WorkerLine] | None = None
