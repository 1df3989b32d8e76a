"""A backtest's report: JSON for programs, and a page of one file for people, with its plots."""

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from html import escape
from pathlib import Path
from typing import Any

from audit.canonical import plain
from trading.backtest.drawing import line_svg
from trading.backtest.figures import DayEquity, drawdowns
from trading.backtest.run import Backtest

_CENT = Decimal("0.01")
_PLACES = 6
MOST_LINE = 1_200
"""Days of a line that are all kept; a longer one is kept by what each step of days reached."""
_KEPT_OF_STEP = 3
JSON, PAGE = "report.json", "report.html"

_STYLE = """
:root{color-scheme:light dark}
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}
table{border-collapse:collapse}td,th{padding:.2rem 1.2rem .2rem 0;text-align:left}
td.n{text-align:right;font-variant-numeric:tabular-nums}
code{word-break:break-all}svg{width:100%;height:auto}
.line{fill:none;stroke:currentColor;stroke-width:1.4}
.rule{stroke:currentColor;stroke-opacity:.18}.scale{fill:currentColor;font-size:12px}
"""


def body_of(done: Backtest, *, days: bool = True) -> dict[str, Any]:
    """Exact figures as text, ratios as numbers. ``days``: with equity of every day."""
    found = done.figures
    body: dict[str, Any] = {
        "engine": done.config.name,
        "digest": done.digest,
        "bound": plain(done.bound),
        "orders_digest": done.orders,
        "first_day": _date(found.days[0].day),
        "last_day": _date(found.days[-1].day),
        "years": _text(found.years),
        "quoted_days": len(found.days),
        "figures": figures_body(done),
    }
    if days:
        falls = drawdowns(found.days, found.capital)
        body["equity"] = [
            {"day": _date(one.day), "equity": _text(one.equity), "drawdown": round(fall, _PLACES)}
            for one, fall in zip(found.days, falls, strict=True)
        ]
    return body


def figures_body(done: Backtest) -> dict[str, Any]:
    found = done.figures
    exact = ("capital", "pnl", "fees", "slippage", "turnover", "turnover_a_year", "fill_rate",
             "slippage_bp", "hit_ratio")  # fmt: skip
    ratios = ("total_return", "annual_return", "volatility", "sharpe", "sortino", "max_drawdown",
              "calmar")  # fmt: skip
    counts = ("orders", "denied", "fills", "trips", "signals", "quotes")
    return {
        **{name: _text(getattr(found, name)) for name in exact},
        **{name: _rounded(getattr(found, name)) for name in ratios},
        **{name: getattr(found, name) for name in counts},
        "refused": dict(found.refused),
    }


def line_of(days: Sequence[DayEquity], capital: Decimal) -> list[list[Any]]:
    """Day, equity and the fall from its peak so far, as a page draws them.

    Of a step of days those with the lowest and the highest equity and the deepest fall, each with
    what all days came to, so that a plot reaches what the figures say; and both ends.
    """
    falls = drawdowns(days, capital)
    width = 1 if len(days) <= MOST_LINE else -(-len(days) * _KEPT_OF_STEP // MOST_LINE)
    kept = {0, len(days) - 1}
    for first in range(0, len(days), width):
        step = range(first, min(first + width, len(days)))
        kept.add(min(step, key=lambda at: days[at].equity))
        kept.add(max(step, key=lambda at: days[at].equity))
        kept.add(min(step, key=falls.__getitem__))
    return [
        [days[at].day, _text(days[at].equity), round(falls[at], _PLACES)] for at in sorted(kept)
    ]


def report_write(done: Backtest, folder: Path) -> tuple[Path, Path]:
    """The JSON file and the page. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    data, page = folder / JSON, folder / PAGE
    data.write_text(json.dumps(body_of(done), indent=1) + "\n")
    page.write_text(page_of(done))
    return data, page


def page_of(done: Backtest) -> str:
    """HTML without scripts and without anything from elsewhere."""
    found, body = done.figures, body_of(done, days=False)
    days = [one.day for one in found.days]
    equity = line_svg("Equity", days, [float(one.equity) for one in found.days], unit="USD")
    fall = line_svg("Drawdown", days, drawdowns(found.days, found.capital), unit="%")
    title = f"Backtest of {done.config.name}"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body><main>"
        f"<h1>{escape(title)}</h1><p>{body['first_day']} to {body['last_day']},"
        f" {Decimal(body['years']):.2f} years, by the desk's own path in lock-step.</p>"
        f"{_table(shown_figures(body['figures']))}"
        f"<h2>Equity, USD</h2>{equity}<h2>Drawdown</h2>{fall}"
        f"<h2>What it rests on</h2>{_table(_rests(body))}</main></body></html>\n"
    )


def shown_figures(figures: Mapping[str, Any]) -> list[tuple[str, str]]:
    percent = {"total_return": "Return", "annual_return": "Return a year",
               "volatility": "Volatility a year", "max_drawdown": "Deepest drawdown"}  # fmt: skip
    plain_ = {"sharpe": "Sharpe ratio", "sortino": "Sortino ratio", "calmar": "Calmar ratio"}
    rows = [("PnL after costs, USD", _grouped(figures["pnl"])),
            ("Capital, USD", _grouped(figures["capital"]))]  # fmt: skip
    rows += [(words, _percent(figures[name])) for name, words in percent.items()]
    rows += [(words, _number(figures[name])) for name, words in plain_.items()]
    rows += [
        ("Fees, USD", _grouped(figures["fees"])),
        ("Extra slippage, USD", _grouped(figures["slippage"])),
        ("Slippage against the mid seen, bp", _number(figures["slippage_bp"])),
        ("Turnover, USD", _grouped(figures["turnover"])),
        ("Turnover a year, times capital", _number(figures["turnover_a_year"])),
        ("Hit ratio", _percent(figures["hit_ratio"])),
        ("Round trips", f"{figures['trips']:,}"),
        ("Orders (denied)", f"{figures['orders']:,} ({figures['denied']:,})"),
        ("Fill rate", _percent(figures["fill_rate"])),
        ("Signals", f"{figures['signals']:,}"),
        ("Quotes", f"{figures['quotes']:,}"),
    ]
    refused = ", ".join(f"{why} {count:,}" for why, count in figures["refused"].items())
    return [*rows, ("Quotes refused", refused or "none")]


def _rests(body: Mapping[str, Any]) -> list[tuple[str, str]]:
    bound = body["bound"]
    assumed = ", ".join(f"{name} {value}" for name, value in bound["assumed"].items())
    return [
        ("Digest", body["digest"]),
        ("Document", bound["config"]),
        *((f"Data: {one['name']}, {one['lines']:,} lines", one["sha256"]) for one in bound["data"]),
        ("Code", bound["code"]),
        ("Assumed", assumed),
        ("Orders", body["orders_digest"]),
    ]


def _table(rows: list[tuple[str, str]]) -> str:
    lines = "".join(
        f'<tr><th scope="row">{escape(name)}</th>'
        f"<td{'' if len(value) > 20 else ' class=n'}>{escape(value)}</td></tr>"
        for name, value in rows
    )
    return f"<table>{lines}</table>"


def _date(day: int) -> str:
    return (dt.date(1970, 1, 1) + dt.timedelta(days=day)).isoformat()


def _text(value: Decimal | None) -> str | None:
    if value is None:
        return None
    places = _CENT if abs(value) >= 100 else Decimal("0.0001")
    return format(value.quantize(places), "f")


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _PLACES)


def _grouped(value: str | None) -> str:
    return "–" if value is None else _signed(f"{Decimal(value):,.2f}")


def _number(value: Any) -> str:
    return "–" if value is None else _signed(f"{float(value):,.2f}")


def _percent(value: Any) -> str:
    return "–" if value is None else _signed(f"{float(value) * 100:,.2f} %")


def _signed(text: str) -> str:
    return text.replace("-", "\N{MINUS SIGN}")
