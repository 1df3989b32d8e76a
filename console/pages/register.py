"""The desk's register: the firm's figures above the table, as texts for the template."""

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal

from console.pages import formats
from console.pages.band import dead_man_words, pace_words
from console.pages.desk import Figure, bar_of
from console.pages.frames import DeskFrame, FeedHead, Gauges, Totals, age_of


def figures_of(
    frame: DeskFrame | None, now: dt.datetime, owners: Mapping[str, str]
) -> list[Figure]:
    """PnL and marks say what they rest on; what has a most stands beside it."""
    sums = frame.totals if frame else Totals()
    gauges = frame.gauges if frame else Gauges()
    marks = formats.age(age_of(frame.as_of, now)) if frame else formats.UNKNOWN
    fills = formats.UNKNOWN if sums.fills is None else f"{sums.fills:,}"
    orders = formats.UNKNOWN if sums.orders_open is None else f"{sums.orders_open:,}"
    open_orders = f"{orders} order{'' if orders == '1' else 's'} open"
    realised = formats.number(sums.realised, 0, plus=True)
    gross = gauges.gross.most
    return [
        _money("pnl_today", "PnL today", sums.pnl_today, f"realised {realised}, all days"),
        _money("unrealised", "Unrealised", sums.unrealised, f"marks {marks} old"),
        _gauge(
            "drawdown", "Drawdown from peak", gauges.drawdown.value, gauges.drawdown.most, places=2
        ),
        Figure(
            "gross", "Gross exposure", *formats.compact(sums.gross),
            f"of {' '.join(formats.compact(gross))}" if gross is not None else open_orders,
            bar=bar_of(_share(sums.gross, gross)),
        ),
        Figure("net", "Net exposure", *formats.compact(sums.net, plus=True), open_orders),
        _gauge("margin", "Margin used", gauges.margin.value, gauges.margin.most, places=0),
        Figure("fees", "Fees", formats.number(sums.fees, 0), "USD", f"all days, {fills} fills"),
        _dead_man(frame, now, owners),
        _last_tick(frame, now),
    ]  # fmt: skip


def _share(value: Decimal | None, most: Decimal | None) -> Decimal | None:
    return value / most if value is not None and most else None


def _gauge(
    name: str, label: str, value: Decimal | None, most: Decimal | None, *, places: int
) -> Figure:
    drop = None if value is None else -value if name == "drawdown" else value
    text = formats.number(drop, places)
    sub = "not told" if most is None else f"of {formats.exact(most)} %"
    return Figure(name, label, text, "%", sub, bar=bar_of(_share(value, most)))


def _dead_man(frame: DeskFrame | None, now: dt.datetime, owners: Mapping[str, str]) -> Figure:
    said = dead_man_words(frame.dead_man if frame else None, now, owners)
    return Figure("dead_man", "Dead man’s switch", said.figure, said.unit, said.sub)


def _last_tick(frame: DeskFrame | None, now: dt.datetime) -> Figure:
    feed = frame.feed if frame else FeedHead(state="not heard of")
    ms = None
    if frame is not None and feed.age_ms is not None:
        ms = feed.age_ms + age_of(frame.as_of, now)
    value, _, unit = formats.age(ms).partition(" ")
    return Figure("feed", "Last tick", value, f"{unit} old" if unit else "", pace_words(feed))


def _money(name: str, label: str, value: Decimal | None, sub: str) -> Figure:
    text = formats.number(value, 0, plus=True)
    return Figure(name, label, text, "USD", sub, formats.tone(value))
