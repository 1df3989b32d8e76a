"""The desk's first picture: every strategy and the desk's figures, as texts for the template."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal

from django.contrib.auth.models import User

from console.access.visible import ALL, Sight
from console.pages import formats, viewer, words
from console.pages.band import WITHOUT_ORDERS
from console.pages.deskview import NEAR
from console.pages.frames import (
    DEAD_MS,
    AccountPart,
    DeskFrame,
    Held,
    HoldLine,
    StrategyLine,
)
from riskctl.actors import Actor
from riskctl.holds import Kind
from trading.models import Strategy

LINE_WIDTH, LINE_HEIGHT = 84, 24
BAR_WIDTH = 46
OVER = Decimal("0.95")
POSITIONS_SHOWN = 5
HELD_SHOWN = 2


@dataclass(frozen=True)
class Bar:
    """Use of a limit: how wide of 46, its figure, and ``near`` or ``over``; empty: not known."""

    width: str = ""
    text: str = formats.UNKNOWN
    near: str = ""


@dataclass(frozen=True)
class Figure:
    """One figure of the register; ``tone`` is rise, fall or nothing."""

    name: str
    label: str
    value: str
    unit: str
    sub: str
    tone: str = ""
    bar: Bar = Bar()


@dataclass(frozen=True)
class Drawn:
    """A sparkline in a box of 84 by 24: its points, where zero lies, where it ends."""

    points: str = ""
    zero: str = ""
    end_x: str = ""
    end_y: str = ""
    label: str = ""


@dataclass(frozen=True)
class HoldWords:
    """Why a strategy is held: the strictest hold in two lines; ``id`` is whose receipt is shown."""

    glyph: str = "none"
    text: str = "none"
    sub: str = ""
    id: str = ""
    title: str = ""


@dataclass(frozen=True)
class Action:
    """What its row's last cell offers. ``lift``: the hold to lift, with the button's ``word``;
    else ``who`` may. ``pause``: the viewer may pause it."""

    pause: bool = True
    kill: bool = True
    lift: str = ""
    word: str = ""
    short: str = ""
    who: str = ""


@dataclass(frozen=True)
class Row:
    """One strategy in words. The defaults are the row before anything is known of it."""

    key: str = ""
    kind: str = ""
    account: str = ""
    owner: str = ""
    state: str = "UNKNOWN"
    own: bool = False
    why: str = ""
    stage: str = formats.UNKNOWN
    quiet: bool = False
    hold: HoldWords = field(default_factory=HoldWords)
    action: Action = field(default_factory=Action)
    pnl: str = formats.UNKNOWN
    pnl_tone: str = ""
    unrealised: str = formats.UNKNOWN
    unrealised_tone: str = ""
    gross: str = formats.UNKNOWN
    net: str = formats.UNKNOWN
    orders: str = formats.UNKNOWN
    fills: str = formats.UNKNOWN
    position: list[str] = field(default_factory=lambda: [formats.UNKNOWN, ""])
    drawdown: str = formats.UNKNOWN
    limit: Bar = Bar()
    limit_kind: str = ""
    hit: str = formats.UNKNOWN
    slip: str = formats.UNKNOWN
    filled: str = formats.UNKNOWN
    signal: str = formats.UNKNOWN
    signal_sub: str = ""
    data_age: str = formats.UNKNOWN
    data: str = "dead"
    line: Drawn = field(default_factory=Drawn)


def strategies_read(sight: Sight = ALL) -> list[StrategyLine]:
    """Every strategy of the books that may be seen, with nothing known of it yet."""
    rows = Strategy.objects.select_related("account", "second_account")
    return [
        StrategyLine(
            one.key, one.kind, one.owner, one.account_id, one.account.venue,
            accounts=[
                AccountPart(where.name, where.venue)
                for where in (one.account, one.second_account)
                if where is not None
            ],
        )
        for one in sight.narrowed(rows, "key")
    ]  # fmt: skip


def lines_of(frame: DeskFrame | None, sight: Sight = ALL) -> list[StrategyLine]:
    """The strategies of the books, each as the frame last had it, in order of their keys.

    ``frame`` is reduced to ``sight`` already.
    """
    lines = {one.key: one for one in strategies_read(sight)}
    if frame is not None:
        lines.update({one.key: one for one in frame.strategies})
    return [lines[key] for key in sorted(lines)]


def owner_names() -> dict[str, str]:
    """User name to ``M. Okafor``."""
    people = User.objects.exclude(last_name="").values_list("username", "first_name", "last_name")
    return {name: f"{first[:1]}. {last}".lstrip(". ") for name, first, last in people}


def rows_of(
    lines: Iterable[StrategyLine], owners: dict[str, str], age_ms: int, actor: Actor
) -> list[Row]:
    """``age_ms`` is what the frame has aged since: every age in it has grown by that."""
    return [_row(one, owners, age_ms, actor) for one in lines]


def bar_of(share: Decimal | None) -> Bar:
    """``share`` of a limit; empty where it is not known."""
    if share is None:
        return Bar()
    near = "over" if share >= OVER else "near" if share >= NEAR else ""
    width = (min(share, Decimal(1)) * BAR_WIDTH).quantize(Decimal("0.1"), ROUND_HALF_UP)
    return Bar(f"{width.normalize():f}", f"{formats.number(share * 100, 0)} %", near)


def drawn(points: list[Decimal]) -> Drawn:
    """A sparkline: from the first point at the left to the last at the right, zero inside."""
    if len(points) < 2:
        return Drawn()
    low, high = min(*points, Decimal(0)), max(*points, Decimal(0))
    span = float(high - low) or 1.0
    inner = LINE_HEIGHT - 6

    def y(value: Decimal) -> float:
        return round(3 + inner * (1 - float(value - low) / span), 1)

    step = (LINE_WIDTH - 6) / (len(points) - 1)
    drawn_points = " ".join(f"{round(2 + n * step, 1)},{y(v)}" for n, v in enumerate(points))
    ends = [formats.number(one, 0, plus=True) for one in (points[0], points[-1], low, high)]
    return Drawn(
        points=drawn_points,
        zero=str(y(Decimal(0))),
        end_x=str(round(2 + (len(points) - 1) * step, 1)),
        end_y=str(y(points[-1])),
        label="first {}, last {}, low {}, high {}".format(*ends),
    )


def hold_words(line: StrategyLine, owners: dict[str, str]) -> HoldWords:
    """Of its own holds the strictest; without one, by what it is held from above."""
    if not line.holds:
        return HoldWords()
    own = [one for one in line.holds if one.own]
    first = own[0] if own else line.holds[0]
    more = len(line.holds) - 1
    parts = [words.who_words(first.by, owners), formats.clock(first.since)[:5]]
    text = first.reason if first.own else words.inherited_words(first.scope, first.kind)
    return HoldWords(
        glyph=words.GLYPHS[first.kind],
        text=text + (f" + {more}" if more and not first.own else ""),
        sub=" · ".join([first.kind, *parts] if first.own else parts)
        + (f" · + {more}" if more and first.own else ""),
        id=first.id,
        title=f"{words.scope_words(first.scope)}: {first.reason}",
    )


def action_of(line: StrategyLine, actor: Actor) -> Action:
    """Pause and kill stay whatever lies on it already: a stop is never refused."""
    scope = f"strategy:{line.key}"
    kill = viewer.may_place(Kind.KILL, scope, actor)
    pause = viewer.may_place(Kind.PAUSE, scope, actor)
    own = _halting(line)
    if own is None:
        return Action(pause=pause, kill=kill)
    way = viewer.lift_way(
        kind=own.kind, scope=own.scope, by=own.by, by_person=own.by_person, actor=actor
    )
    return Action(pause=False, kill=kill, lift=own.id, word=way.word, short=way.short, who=way.who)


def _halting(line: StrategyLine) -> HoldLine | None:
    """Its own strictest hold, if one lies on it: what its row offers to lift."""
    return next((one for one in line.holds if one.own), None)


def _row(line: StrategyLine, owners: dict[str, str], age_ms: int, actor: Actor) -> Row:
    signal, sub = _signal(line, age_ms)
    data_age = None if line.data_age_ms is None else line.data_age_ms + age_ms
    return Row(
        key=line.key,
        kind=line.kind.replace("-", " ").capitalize(),
        account=line.account,
        owner=owners.get(line.owner, line.owner),
        state=line.state if age_ms <= DEAD_MS else "UNKNOWN",
        own=line.own,
        why=line.why,
        stage=stage_words(line),
        quiet=line.stage is not None and line.stage.rung in WITHOUT_ORDERS,
        hold=hold_words(line, owners),
        action=action_of(line, actor),
        pnl=formats.number(line.pnl, 2, plus=True),
        pnl_tone=formats.tone(line.pnl),
        unrealised=formats.number(line.unrealised, 2, plus=True),
        unrealised_tone=formats.tone(line.unrealised),
        gross=formats.thousands(line.gross),
        net=formats.thousands(line.net, plus=True),
        orders=formats.UNKNOWN if line.orders_open is None else f"{line.orders_open:,}",
        fills=formats.UNKNOWN if line.fills is None else f"{line.fills:,}",
        position=_position(line.position),
        drawdown=formats.number(None if line.drawdown is None else -line.drawdown, 1),
        limit=bar_of(line.limit.share if line.limit else None),
        limit_kind=line.limit.kind.replace("-", " ") if line.limit else "",
        hit=formats.number(line.hit, 1),
        slip=formats.number(line.slippage_bp, 1),
        filled=formats.number(line.filled, 1),
        signal=signal,
        signal_sub=sub,
        data_age=formats.age(data_age),
        data=line.data,
        line=drawn(line.line if line.pnl is None else [*line.line, line.pnl]),
    )


def stage_words(line: StrategyLine) -> str:
    if line.stage is None:
        return formats.UNKNOWN
    return words.rung_words(line.stage.rung, str(line.stage.factor))


def _position(held: list[Held] | None) -> list[str]:
    """Two lines at most: what is held, or how much more of it there is."""
    if held is None:
        return [formats.UNKNOWN, ""]
    if not held:
        return ["none", ""]
    words = [
        f"{formats.exact(one.quantity, plus=True)} {one.symbol}{' paper' if one.rehearsal else ''}"
        for one in held
    ]
    if len(words) > HELD_SHOWN:
        return [words[0], f"and {len(words) - 1} more"]
    return [words[0], words[1] if len(words) > 1 else ""]


def _signal(line: StrategyLine, age_ms: int) -> tuple[str, str]:
    """Its age, and what it said."""
    one = line.last_signal
    if one is None:
        return ("none", "") if line.position is not None else (formats.UNKNOWN, "")
    side = {1: "long", -1: "short"}.get(one.direction, "out of")
    old = None if one.age_ms is None else one.age_ms + age_ms
    return formats.age(old, whole=True), f"{side} {one.symbol}, confidence {one.confidence:.2f}"
