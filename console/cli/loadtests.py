"""``haltline throughput-test``, ``trading-load``: the runbooks' load, beside the desk."""

import importlib
from typing import Annotated, Any

import typer

from console.cli.codes import EXIT_CODES
from console.cli.options import Output
from console.cli.output import Form
from console.cli.runbooks import TARGET_MS, milliseconds

app = typer.Typer()

LOADED = f"""{EXIT_CODES} Of a load: 0 the rate was borne, nothing lost or doubled, p99 under the
limit; 6 it was not, or Ctrl-C ended it; 4 refused: orders reach a real venue and are not halted, or
a load test is running already."""

_TPS = typer.Option("--target-tps", min=0.1, max=10_000, help="Orders a second")
_SECONDS = typer.Option("--duration", min=1, max=86_400, help="Seconds")
_RAMP = typer.Option("--ramp-up", min=0, max=86_400, help="Seconds until the rate is reached")
_LIMIT = typer.Option(
    "--target-latency", parser=milliseconds, metavar="TIME", help="p99, else 500ms"
)


def _work() -> Any:
    """Modules that no stop waits for."""
    return importlib.import_module("console.cli.loadtestwork")


@app.command("throughput-test", epilog=LOADED)
def throughput_test(
    target_tps: Annotated[float, _TPS] = 100.0,
    duration: Annotated[int, _SECONDS] = 30,
    limit: Annotated[float | None, _LIMIT] = None,
    output: Output = Form.TABLE,
) -> None:
    """Whether this machine and database bear so many orders a second: a gateway of its own,
    orders durable before they leave, a paper venue. The desk's own books are not touched."""
    raise typer.Exit(_work().load_tested(target_tps, duration, 0, limit or TARGET_MS, output))


@app.command("trading-load", epilog=LOADED)
def trading_load(
    duration: Annotated[int, _SECONDS] = 300,
    ramp_up: Annotated[int, _RAMP] = 60,
    target_tps: Annotated[float, _TPS] = 100.0,
    limit: Annotated[float | None, _LIMIT] = None,
    output: Output = Form.TABLE,
) -> None:
    """The same over minutes, the rate reached step by step."""
    if ramp_up >= duration:
        raise typer.BadParameter("must be shorter than --duration", param_hint="'--ramp-up'")
    raise typer.Exit(_work().load_tested(target_tps, duration, ramp_up, limit or TARGET_MS, output))
