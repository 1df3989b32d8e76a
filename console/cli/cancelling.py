"""``haltline cancel-all``: every open order in a scope, now, holding nothing."""

import typer

from console.cli.codes import EXIT_CODES, Code, EndError
from console.cli.desk import actor_here, desk_here
from console.cli.options import FIRM, Output, ProtectiveToo, Reason, Scope
from console.cli.output import Form, show_json, show_table, tell
from riskctl.actors import NotAllowedError
from riskctl.cancelling import Cancelled, orders_cancel

app = typer.Typer()

RECORD_S = 3.0


@app.command("cancel-all", epilog=EXIT_CODES)
def cancel_all(
    scope: Scope = FIRM,
    reason: Reason = "",
    output: Output = Form.TABLE,
    protective_too: ProtectiveToo = False,
) -> None:
    """Cancel open orders in SCOPE. Holds nothing: strategies go on and may order again."""
    desk = desk_here()
    try:
        done = orders_cancel(
            scope=scope, actor=actor_here(), reason=reason, protective_too=protective_too, desk=desk
        )
    except NotAllowedError as error:
        raise EndError(Code.REFUSED, str(error)) from error
    if output is Form.JSON:
        show_json(
            {
                "scope": scope, "reason": done.reason, "cancelling": dict(done.cancelling),
                "unanswered": dict(done.failed), "accounts_known": done.accounts_known,
            }
        )  # fmt: skip
    else:
        rows = [(name, len(orders), " ".join(orders)) for name, orders in done.cancelling.items()]
        show_table(("gateway", ">cancelling", "orders"), rows)
    for account, problem in done.failed.items():
        tell(f"{account}: what is open there is not known to go: {problem}")
    if not done.accounts_known:
        tell("the database did not say whether there are more gateways")
    if not _recorded(done):
        tell("not in the record under your name yet: kept on disk, and entered when it takes it")
    raise typer.Exit(_code(done))


def _code(done: Cancelled) -> Code:
    if not done.cancelling:
        return Code.UNREACHABLE
    return Code.DONE if done.complete else Code.LATCHED


def _recorded(done: Cancelled) -> bool:
    """Waits for what would end with this process, for three seconds at most."""
    try:
        return done.recorded.result(RECORD_S)
    except TimeoutError:
        return False
