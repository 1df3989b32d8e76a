"""What the desk is exposed to, from the live frame; how full the limits are; kills lately."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from console.access.visible import Sight
from console.pages import formats
from console.pages.frames import DeskFrame, StrategyLine
from console.pages.holdread import HoldText, holds_text
from console.pages.limitbars import heat_of
from console.pages.limitread import limit_lines
from riskctl.holds import Kind
from riskctl.limiting import limits_read
from riskctl.models import Hold
from trading.portfolio.exposure import ExposureLine, Exposures, Holding, exposures

KILLS = 12
WIDTH = 60
"""Half of a net bar: it runs from its middle."""


@dataclass(frozen=True)
class ExposureText:
    """One line, USD. ``x``, ``width``: of the net's bar in a box of 120, zero in its middle."""

    name: str
    long: str
    short: str
    gross: str
    net: str
    tone: str
    share: str
    x: str
    width: str


@dataclass(frozen=True)
class ExposureBlock:
    key: str
    head: str
    rows: list[ExposureText]
    flat: int
    """How many hold nothing, and have no row."""


def exposures_of(lines: Iterable[StrategyLine]) -> Exposures:
    """Over the open positions in ``lines``."""
    known = list(lines)
    return exposures(
        [
            Holding(
                one.key,
                held.account or one.account,
                held.symbol,
                held.quantity,
                held.mark,
                held.rehearsal,
            )
            for one in known
            for held in one.position or ()
        ],
        strategies=[one.key for one in known],
        accounts=sorted({one.account for one in known}),
    )


def exposure_read(frame: DeskFrame | None, sight: Sight) -> dict[str, Any]:
    """For the page's first part; nothing without a frame. Raises django.db.Error."""
    heads, rows = heat_of(limit_lines(limits_read(), frame, sight))
    heat = {"heat_heads": heads, "heat": rows}
    if frame is None:
        return {"blocks": [], "exposure_as_of": formats.UNKNOWN, **heat}
    found = exposures_of(frame.strategies)
    most = _most(found)
    named = (
        ("strategy", "By strategy", found.strategies),
        ("venue", "By venue account", found.accounts),
        ("instrument", "By instrument", found.instruments),
        ("currency", "By currency", found.currencies),
    )
    return {
        "blocks": [
            ExposureBlock(
                key,
                head,
                [_text(one, most) for one in lines if one.gross != 0],
                sum(one.gross == 0 for one in lines),
            )
            for key, head, lines in named
        ],
        "total": _text(found.total, most),
        "concentration": _concentration(found),
        "exposure_as_of": formats.clock(frame.as_of),
        **heat,
    }


def _most(found: Exposures) -> Decimal:
    nets = [one.net for one in (*found.strategies, *found.accounts, *found.instruments,
                                *found.currencies)]  # fmt: skip
    return max((abs(net) for net in nets if net is not None), default=Decimal(0))


def _text(one: ExposureLine, most: Decimal) -> ExposureText:
    width = float(abs(one.net) / most) * WIDTH if one.net is not None and most else 0.0
    left = WIDTH - width if one.net is not None and one.net < 0 else float(WIDTH)
    return ExposureText(
        name=one.name,
        long=formats.thousands(one.long),
        short=formats.thousands(one.short),
        gross=formats.thousands(one.gross),
        net=formats.thousands(one.net, plus=True),
        tone=formats.tone(one.net),
        share="" if one.share is None else formats.number(one.share * 100, 1),
        x=f"{left:.1f}",
        width=f"{width:.1f}",
    )


def _concentration(found: Exposures) -> list[tuple[str, str, str]]:
    """Label, figure and what it says."""
    one = found.concentration

    def percent(share: Decimal | None) -> str:
        return formats.UNKNOWN if share is None else f"{formats.number(share * 100, 1)} %"

    return [
        ("Largest instrument", percent(one.share), one.largest or "of gross exposure"),
        ("Largest three", percent(one.three), "of gross exposure"),
        ("As concentrated as", formats.number(one.effective, 1), "equal instruments"),
    ]


def kills_read(sight: Sight, names: Mapping[str, str]) -> list[HoldText]:
    """The latest kills, lifted or not. Raises django.db.Error."""
    rows = Hold.objects.select_related("lift").filter(kind=Kind.KILL)
    return holds_text(list(sight.narrowed_scopes(rows).order_by("-placed_at")[:KILLS]), names)
