"""``haltline backtest``: a TradingEngine document over recorded data, by the desk's own path."""

import datetime as dt
import importlib
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated

import typer

from console.cli.codes import EXIT_CODES
from console.cli.options import Output, Reason, existing_file
from console.cli.output import Form

app = typer.Typer()

CODES = f"""{EXIT_CODES} Of a backtest: 0 run; 4 the document or the data do not do. Where no desk
answers the report is not kept, which is said and no failure."""


def _day(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no day such as 2019-01-02") from None


def _amount(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal(-1)
    if not value.is_finite() or not 0 <= value < Decimal(10) ** 12:
        raise typer.BadParameter(f"{text!r} is no decimal number from 0 up")
    return value


_CONFIG = typer.Option("--config", "-c", parser=existing_file, metavar="FILE", help="A document")
_DATA = typer.Option(
    "--data", "-d", parser=existing_file, metavar="FILE", help="Quotes or bars, CSV or gzip; many"
)
_FROM = typer.Option("--from", parser=_day, metavar="DAY", help="The first day, UTC")
_TO = typer.Option("--to", parser=_day, metavar="DAY", help="The day after the last, UTC")
_REPORT = typer.Option("--report", metavar="DIR", help="Write report.json and report.html there")
_BOOK = typer.Option("--book", parser=_amount, metavar="USD", help="The firm's gross limit, taken")
_SPREAD = typer.Option("--spread-bp", parser=_amount, metavar="BP", help="Of bars, round the price")
_SLIPPAGE = typer.Option("--slippage-bp", parser=_amount, metavar="BP", help="On every fill, extra")


@app.command(epilog=CODES)
def backtest(
    config: Annotated[Path, _CONFIG],
    data: Annotated[list[Path], _DATA],
    *,
    since: Annotated[dt.date | None, _FROM] = None,
    until: Annotated[dt.date | None, _TO] = None,
    report: Annotated[Path | None, _REPORT] = None,
    book: Annotated[Decimal, _BOOK] = Decimal(5_000_000),
    spread_bp: Annotated[Decimal, _SPREAD] = Decimal(1),
    slippage_bp: Annotated[Decimal, _SLIPPAGE] = Decimal("0.5"),
    reason: Reason = "",
    output: Output = Form.TABLE,
) -> None:
    """Run a document over recorded quotes or bars, and keep the report where a desk answers."""
    work = importlib.import_module("console.cli.backtestwork")  # no stop waits for it
    given = work.Given(config, tuple(data), since, until, book, spread_bp, slippage_bp)
    raise typer.Exit(work.run(given, report, reason, output))
