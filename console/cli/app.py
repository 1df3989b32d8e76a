"""The commands of ``haltline``, put together. A new one is a module with an ``app`` of its own."""

import typer

from console.cli import (
    backtests,
    cancelling,
    engines,
    lifting,
    loadtests,
    recorded,
    runbooks,
    standing,
    stoplosses,
    stops,
)
from console.cli.codes import EXIT_CODES

ABOUT = """Stops a trading desk from a shell, whatever else of it is down: gateways are told
directly, the hold is written to the database, or kept on disk until it is back. Nothing here
starts trading.

The desk is found by HALTLINE_HOME, else in var of this checkout. SCOPE is firm, venue:ACCOUNT,
strategy:KEY or instrument:SYMBOL. Data is on stdout, messages are on stderr."""

app = typer.Typer(
    name="haltline",
    help=ABOUT,
    epilog=EXIT_CODES,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
PARTS = (
    stops, cancelling, stoplosses, standing, lifting, engines, backtests, runbooks, loadtests,
    recorded,
)  # fmt: skip
for part in PARTS:
    app.add_typer(part.app)
