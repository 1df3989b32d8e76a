"""The command that puts a stop under every open position, by percentage, in one call."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated

import typer

from console.cli.bounded import Database
from console.cli.codes import EXIT_CODES, Code, EndError
from console.cli.desk import actor_here, desk_here
from console.cli.names import named_nothing
from console.cli.options import FIRM, Output, Reason, Scope
from console.cli.output import Form, show_json, show_table, tell
from riskctl.actors import NotAllowedError
from riskctl.stoplosses import (
    RECORD_S,
    PercentageError,
    StopLosses,
    percentage_of,
    stop_losses_set,
)
from trading.universe import UNIVERSE

app = typer.Typer()

HEAD = (
    "account", "strategy", "symbol", ">position", ">mark", ">stop", ">covered", "state", "why",
)  # fmt: skip


def _percentage(text: str) -> str:
    """Raises typer.BadParameter naming what is allowed."""
    try:
        percentage_of(text)
    except PercentageError as error:
        raise typer.BadParameter(f"{text!r} is not {error}") from None
    return text


def _symbols(given: list[str] | None) -> list[str]:
    """Raises typer.BadParameter naming what there is: a typing error must protect nothing in
    silence."""
    unknown = [one for one in given or () if one not in UNIVERSE]
    if unknown:
        known = ", ".join(one.symbol for one in UNIVERSE.instruments)
        raise typer.BadParameter(f"{', '.join(unknown)}: no such instrument; there are {known}")
    return list(given or ())


@app.command("set-stop-losses", epilog=EXIT_CODES)
def set_stop_losses(
    percent: Annotated[
        str,
        typer.Option("--percent", "-p", callback=_percentage, help="Of the latest mid: 0.01 to 50"),
    ],
    *,
    scope: Scope = FIRM,
    symbol: Annotated[
        list[str] | None,
        typer.Option("--symbol", callback=_symbols, help="Of this instrument alone; repeatable"),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say which stops there would be, and do nothing")
    ] = False,
    reason: Reason = "",
    output: Output = Form.TABLE,
) -> None:
    """Put a reduce-only stop under every open position in SCOPE. One that stands only tightens."""
    desk = desk_here()
    try:
        done = stop_losses_set(
            scope=scope, percentage=Decimal(percent), actor=actor_here(), reason=reason,
            symbols=symbol or (), dry_run=dry_run, desk=desk,
        )  # fmt: skip
    except NotAllowedError as error:
        raise EndError(Code.REFUSED, str(error)) from error
    _show(done, symbol or (), output)
    for account, problem in done.failed.items():
        tell(f"{account}: what is held there is not known to be protected: {problem}")
    if not done.accounts_known:
        tell("the database did not say whether there are more gateways")
    nothing = named_nothing(scope, Database(desk), "no position is in it")
    if nothing:
        tell(nothing)
    if not dry_run and not done.in_record(RECORD_S):
        tell("not in the record under your name yet: kept on disk, and entered when it takes it")
    if not done.stops:
        raise typer.Exit(Code.UNREACHABLE)
    raise typer.Exit(Code.DONE if done.complete else Code.LATCHED)


def _show(done: StopLosses, symbols: Sequence[str], output: Form) -> None:
    lines = [(account, one) for account, stops in done.stops.items() for one in stops]
    if output is Form.JSON:
        show_json(
            {
                "id": done.id, "scope": done.scope, "percentage": f"{done.percentage:f}",
                "dry_run": done.dry_run, "complete": done.complete,
                "positions": [
                    {
                        "account": account, "strategy": one.strategy, "symbol": one.symbol,
                        "position": one.position, "mark": one.mark, "stop_price": one.stop_price,
                        "covered": one.covered, "state": one.state, "order": one.order,
                        "why": one.why, "loss": one.loss,
                    }
                    for account, one in lines
                ],
                "unanswered": dict(done.failed), "accounts_known": done.accounts_known,
            }
        )  # fmt: skip
        return
    show_table(
        HEAD,
        [
            (account, one.strategy, one.symbol, one.position, one.mark, one.stop_price,
             one.covered, one.state, one.why)
            for account, one in lines
        ],
    )  # fmt: skip
    if not lines:
        of = f" of {', '.join(symbols)}" if symbols else ""
        known = "" if done.accounts_known and not done.failed else ", as far as is known"
        tell(f"no position{of} is open in {done.scope}{known}")
