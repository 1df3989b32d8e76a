"""What ``haltline backtest`` does; returns an exit code."""

import datetime as dt
import sys
import time
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import typer

from console.cli.bounded import why
from console.cli.codes import Code, EndError
from console.cli.desk import actor_here, desk_here, service
from console.cli.output import Form, show, show_json, show_table, tell
from riskctl.actors import NotAllowedError
from trading.backtest.data import DataError
from trading.backtest.report import body_of, report_write
from trading.backtest.run import Assumed, Backtest, backtest
from trading.engines.problems import EngineInvalidError
from trading.engines.reading import read_engine

KEEPING = "trading.backtest.keeping"
EVERY_S = 0.5
_SHOWN = (
    "pnl", "total_return", "annual_return", "sharpe", "max_drawdown", "turnover", "hit_ratio",
    "orders", "fills", "fill_rate", "slippage_bp", "fees", "slippage",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Given:
    config: Path
    data: tuple[Path, ...]
    since: dt.date | None
    until: dt.date | None
    book: Decimal
    spread_bp: Decimal
    slippage_bp: Decimal


class _Progress:
    """One line on a terminal that is written over; in a pipe a line each tenth."""

    def __init__(self) -> None:
        self._shown = -1
        self._at = 0.0
        self._terminal = sys.stderr.isatty()

    def __call__(self, done: int, whole: int) -> None:
        share = 100 * done // whole
        step = share if self._terminal else share // 10 * 10
        now = time.monotonic()
        if step == self._shown or (self._terminal and share < 100 and now - self._at < EVERY_S):
            return
        self._shown, self._at = step, now
        end = "" if self._terminal and share < 100 else "\n"
        start = "\r" if self._terminal else ""
        print(
            f"{start}haltline: {step} % of {whole:,} quotes", end=end, file=sys.stderr, flush=True
        )


def run(given: Given, folder: Path | None, reason: str, output: Form) -> Code:
    if given.since and given.until and given.since >= given.until:
        raise typer.BadParameter("must be after --from", param_hint="'--to'")
    if not given.book:
        raise typer.BadParameter("must be above 0", param_hint="'--book'")
    done = _done(given)
    kept = _kept(done, reason)
    files = _written(done, folder)
    if output is Form.JSON:
        show_json({**body_of(done, days=False), "kept": kept, "files": files})
    else:
        _show(done, files)
    return Code.DONE


def _done(given: Given) -> Backtest:
    assumed = Assumed(given.book, given.spread_bp, given.slippage_bp)
    try:
        return backtest(
            read_engine(given.config.read_bytes()), given.data, since=given.since,
            until=given.until, assumed=assumed, progress=_Progress(),
        )  # fmt: skip
    except EngineInvalidError as error:
        for one in error.problems:
            tell(f"{given.config}: {one}")
        raise EndError(Code.REFUSED, f"{given.config} cannot be backtested") from error
    except DataError as error:
        raise EndError(Code.REFUSED, str(error)) from error


def _kept(done: Backtest, reason: str) -> bool:
    """Whether gates can refer to it; where not, why is said."""
    try:
        desk_here()
    except EndError as error:
        tell(f"the report is not kept: {error}")
        return False
    away = service("django.db").Error
    try:
        service(KEEPING).backtest_keep(done=done, actor=actor_here(), reason=reason)
    except away as error:
        tell(f"the report is not kept: the database does not answer: {why(error)}")
        return False
    except NotAllowedError as error:
        raise EndError(Code.REFUSED, str(error)) from error
    return True


def _written(done: Backtest, folder: Path | None) -> list[str]:
    if folder is None:
        return []
    try:
        return [str(path) for path in report_write(done, folder)]
    except OSError as error:
        raise EndError(Code.UNREACHABLE, f"the report cannot be written: {error}") from error


def _show(done: Backtest, files: list[str]) -> None:
    body = body_of(done, days=False)
    rows = [(name.replace("_", " "), body["figures"][name]) for name in _SHOWN]
    show_table(("figure", ">value"), rows)
    show(f"{body['engine']}  {body['first_day']} to {body['last_day']}, digest {body['digest']}")
    for path in files:
        show(f"written  {path}")
