"""``haltline compare-positions``, ``trading-latency``, ``position-alerts``: the runbooks' scripts.

They look, and change nothing.
"""

import importlib
import re
from pathlib import Path
from typing import Annotated, Any

import typer

from console.cli.codes import EXIT_CODES
from console.cli.options import Output, existing_file
from console.cli.output import Form

app = typer.Typer()

LOOKED = f"""{EXIT_CODES} Of what is compared, measured or watched: 0 it is as it should be, 6 it is
not."""
TARGET_MS = 500.0
"""Of the runbook's latency test."""

_TIME = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s)?")


def _work() -> Any:
    """Modules that no stop waits for."""
    return importlib.import_module("console.cli.runbookwork")


def milliseconds(text: str) -> float:
    """``500ms``, ``0.5s``, ``500``. Raises typer.BadParameter."""
    found = _TIME.fullmatch(text)
    if found is None or not float(found[1]):
        raise typer.BadParameter(f"{text!r} is no time: write it as 500ms or 0.5s")
    return float(found[1]) * (1000 if found[2] == "s" else 1)


_SYSTEM = typer.Argument(
    parser=existing_file, metavar="SYSTEM", help="What /api/positions answered"
)
_BROKER = typer.Argument(
    parser=existing_file, metavar="BROKER", help="/api/broker-positions' answer"
)
_TARGET = typer.Option("--target-latency", parser=milliseconds, metavar="TIME", help="Else 500ms")
_DURATION = typer.Option("--duration", min=1, max=86_400, help="Seconds to look for")
_EVERY = typer.Option("--every", min=1, max=3_600, help="Seconds between two looks")
_THRESHOLD = typer.Option("--threshold", min=0, help="USD of unrealised PnL, either way")


@app.command("compare-positions", epilog=LOOKED)
def compare_positions(
    system: Annotated[Path, _SYSTEM], broker: Annotated[Path, _BROKER], output: Output = Form.TABLE
) -> None:
    """Compare the system's positions with the venue's, both as saved from the REST API.

    Where a venue was read over 30 s before that, the answer is UNKNOWN, and 6.
    """
    raise typer.Exit(_work().positions_compared(system, broker, output))


@app.command("trading-latency", epilog=LOOKED)
def trading_latency(
    duration: Annotated[int, _DURATION] = 60,
    target: Annotated[float | None, _TARGET] = None,
    output: Output = Form.TABLE,
) -> None:
    """Measure, over orders made from now on, tick to venue's answer; p99 against the target.

    It is missed, too, where over 1 % of the orders had no answer for longer than the target.
    """
    raise typer.Exit(_work().latency_measured(duration, target or TARGET_MS, output))


@app.command("position-alerts", epilog=LOOKED)
def position_alerts(
    threshold: Annotated[float, _THRESHOLD],
    every: Annotated[int, _EVERY] = 10,
    duration: Annotated[int | None, _DURATION] = None,
    output: Output = Form.TABLE,
) -> None:
    """Say each time a position's unrealised PnL has moved so much; until Ctrl-C, or so long.

    It ends with 6 when one moved, and when one had no price: that one was not watched.
    """
    raise typer.Exit(_work().moves_watched(threshold, every, duration, output))
