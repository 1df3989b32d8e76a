"""The live frames as the pages read them (published by trading.portfolio.frames).

Every frame is a whole snapshot of its topic; None is unknown. Ages are milliseconds at ``as_of``.
"""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import cast

import msgspec
from redis.exceptions import RedisError

from console.access.visible import ALL, Sight
from console.live.reduced import reduced
from console.pages.pathframe import PipelineFrame
from console.stores import redis_client
from trading import streams

DEAD_MS = 3_000
"""A frame older than this is no picture of now."""


class FeedHead(msgspec.Struct, frozen=True):
    clock: dt.datetime | None = None
    speed: str = ""
    state: str = "dead"
    age_ms: int | None = None
    spec: str = ""


class Totals(msgspec.Struct, frozen=True):
    pnl_today: Decimal | None = None
    realised: Decimal | None = None
    unrealised: Decimal | None = None
    fees: Decimal | None = None
    gross: Decimal | None = None
    net: Decimal | None = None
    fills: int | None = None
    orders_open: int | None = None
    unmarked: list[str] = []


class Held(msgspec.Struct, frozen=True):
    """An open position of one strategy in one symbol; ``rehearsal``: no money of the firm's."""

    symbol: str
    quantity: Decimal
    account: str = ""
    rehearsal: bool = False
    average_price: Decimal | None = None
    mark: Decimal | None = None
    unrealised: Decimal | None = None


class LastSignal(msgspec.Struct, frozen=True):
    symbol: str
    direction: int
    confidence: float
    at: dt.datetime
    age_ms: int | None = None


class HoldLine(msgspec.Struct, frozen=True):
    """An open hold; ``own``: on the thing itself, not on what is above it."""

    id: str
    scope: str
    kind: str
    mode: str
    own: bool
    reason: str
    by: str
    by_person: bool
    since: dt.datetime
    effective_at: dt.datetime | None = None


class StageLine(msgspec.Struct, frozen=True):
    """Where a strategy stands on the restart ladder."""

    rung: str
    factor: Decimal
    since: dt.datetime


class AlertLine(msgspec.Struct, frozen=True):
    """An alert of a strategy's document that rings."""

    name: str
    severity: str
    since: dt.datetime


class LimitUse(msgspec.Struct, frozen=True):
    """The limit of a strategy of which most is used; ``share`` of 1."""

    kind: str
    share: Decimal


class AccountPart(msgspec.Struct, frozen=True):
    """A strategy's figures at one account; ``rehearsal``: no money of the firm's. PnL is unknown
    while more than one account of its moved today."""

    account: str
    venue: str = ""
    rehearsal: bool = False
    pnl: Decimal | None = None
    gross: Decimal | None = None
    net: Decimal | None = None
    orders_open: int | None = None


class RealFigures(msgspec.Struct, frozen=True):
    """A strategy's figures without paper money."""

    pnl: Decimal | None = None
    gross: Decimal | None = None
    net: Decimal | None = None


class StrategyLine(msgspec.Struct, frozen=True):
    """One strategy as the desk shows it; the defaults are what is known without a frame.

    ``given_real``: None where no paper money is in its figures.
    """

    key: str
    kind: str
    owner: str
    account: str
    venue: str = ""
    live: bool = False
    state: str = "UNKNOWN"
    why: str = ""
    mode: str = "ACTIVE"
    own: bool = False
    holds: list[HoldLine] = []
    stage: StageLine | None = None
    alerts: list[AlertLine] | None = None
    pnl: Decimal | None = None
    realised: Decimal | None = None
    unrealised: Decimal | None = None
    fees: Decimal | None = None
    gross: Decimal | None = None
    net: Decimal | None = None
    given_real: RealFigures | None = msgspec.field(default=None, name="real")
    accounts: list[AccountPart] = []
    position: list[Held] | None = None
    orders_open: int | None = None
    fills: int | None = None
    last_signal: LastSignal | None = None
    data_age_ms: int | None = None
    data: str = "dead"
    line: list[Decimal] = []
    limit: LimitUse | None = None
    drawdown: Decimal | None = None
    hit: Decimal | None = None
    trips: int = 0
    slippage_bp: Decimal | None = None
    filled: Decimal | None = None

    @property
    def real(self) -> RealFigures:
        """What of its figures is the firm's money."""
        return self.given_real or RealFigures(self.pnl, self.gross, self.net)

    @property
    def paper(self) -> bool:
        """Whether paper money is in its figures."""
        return self.given_real is not None


class BooksAge(msgspec.Struct, frozen=True):
    as_of: dt.datetime | None = None
    age_ms: int | None = None
    status: str = "dead"


class Firm(msgspec.Struct, frozen=True):
    """By the holds on the firm, else ACTIVE when every account's gateway may send; ``why`` not.

    ``holds``: all that are open; ``on``: how many strategies have one of their own; ``hold``: the
    strictest on the firm itself.
    """

    state: str = "UNKNOWN"
    why: str = ""
    holds: int = 0
    on: int = 0
    hold: HoldLine | None = None


class DeadManLine(msgspec.Struct, frozen=True):
    """``state``: armed, warning, expired, off, never; ``remaining_s`` as of the frame."""

    state: str = "never"
    confirmed_at: dt.datetime | None = None
    confirmed_by: str = ""
    warns_at: dt.datetime | None = None
    expires_at: dt.datetime | None = None
    remaining_s: int | None = None


class TriggersLine(msgspec.Struct, frozen=True):
    """How many triggers are in which state."""

    ok: int = 0
    warning: int = 0
    breach: int = 0
    unknown: int = 0
    shadow: bool = False


class GlassLine(msgspec.Struct, frozen=True):
    """A kill that one person lifted and nobody has reviewed; ``until``: then the hold returns."""

    id: str
    scope: str
    by: str
    used_at: dt.datetime
    until: dt.datetime


class Gauge(msgspec.Struct, frozen=True):
    """A figure of the firm beside the most it may be."""

    value: Decimal | None = None
    most: Decimal | None = None


class Gauges(msgspec.Struct, frozen=True):
    """Percent, but for what gross exposure may be, USD; unknown to who sees less than all."""

    drawdown: Gauge = Gauge()
    margin: Gauge = Gauge()
    gross: Gauge = Gauge()


class DeskFrame(msgspec.Struct, frozen=True):
    topic: str
    seq: int
    as_of: dt.datetime
    feed: FeedHead
    totals: Totals
    strategies: list[StrategyLine]
    books: BooksAge = BooksAge()
    firm: Firm = Firm()
    dead_man: DeadManLine | None = None
    triggers: TriggersLine | None = None
    waiting: int | None = None
    glass: list[GlassLine] = []
    alerting: str = "dead"
    gauges: Gauges = Gauges()


@dataclass(frozen=True)
class Snapshot:
    """What Redis holds of both topics; ``why`` says in one line why one is missing."""

    desk: DeskFrame | None
    pipeline: PipelineFrame | None
    why: str = ""


_desk = msgspec.json.Decoder(DeskFrame, strict=False)
_pipeline = msgspec.json.Decoder(PipelineFrame, strict=False)


def frames_read(sight: Sight = ALL) -> Snapshot:
    """The latest frames, as much of them as ``sight`` allows.

    Never raises: a page without them still stands, and says so.
    """
    keys = [streams.frame_key("desk"), streams.frame_key("pipeline")]
    try:
        desk, pipeline = cast("list[bytes | None]", redis_client().mget(keys))
    except RedisError:
        return Snapshot(None, None, "Redis does not answer, and live values come through it.")
    try:
        return Snapshot(
            _desk_of(desk, sight) if desk else None,
            _pipeline.decode(pipeline) if pipeline else None,
            "" if desk and pipeline else "The portfolio process has published nothing yet.",
        )
    except msgspec.MsgspecError as error:
        return Snapshot(None, None, f"The latest live frame cannot be read: {error}")


def _desk_of(text: bytes, sight: Sight) -> DeskFrame:
    if sight.all:
        return _desk.decode(text)
    return msgspec.convert(reduced(msgspec.json.decode(text), sight), DeskFrame, strict=False)


def age_of(moment: dt.datetime, now: dt.datetime) -> int:
    """Milliseconds from ``moment`` to ``now``, not below zero."""
    return max(0, int((now - moment).total_seconds() * 1000))
