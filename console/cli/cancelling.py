"""``haltline cancel-all``: every open order in a scope, now, holding nothing."""

import datetime as dt
import uuid

import psycopg
import typer

from audit.record import INSERT_SQL, entry_row
from console.cli.bounded import Database, why, within
from console.cli.codes import EXIT_CODES, Code
from console.cli.desk import actor_here, desk_here
from console.cli.gateways import Asked, gateways_ask
from console.cli.options import FIRM, Output, ProtectiveToo, Reason, Scope
from console.cli.output import Form, show_json, show_table, tell
from riskctl.actors import Actor
from riskctl.control import Cancelling, CancelOpen
from riskctl.desk import BrakesDesk

app = typer.Typer()

RECORD_S = 1.0


@app.command("cancel-all", epilog=EXIT_CODES)
def cancel_all(
    scope: Scope = FIRM,
    reason: Reason = "",
    output: Output = Form.TABLE,
    protective_too: ProtectiveToo = False,
) -> None:
    """Cancel open orders in SCOPE. Holds nothing: strategies go on and may order again."""
    desk, actor = desk_here(), actor_here()
    request = CancelOpen(scope, reason or f"cancel-all by {actor.name}", protective_too)
    asked = gateways_ask(desk, Database(desk), lambda link: link.ask(request, Cancelling))
    found = {account: one.orders for account, one in asked.answers.items()}
    recorded = _record(desk, actor, request, asked)
    if output is Form.JSON:
        show_json(
            {
                "scope": scope, "cancelling": found, "not_asked": asked.silent,
                "database": asked.database, "recorded": recorded,
            }
        )  # fmt: skip
    else:
        rows = [(account, len(orders), " ".join(orders)) for account, orders in found.items()]
        show_table(("gateway", ">cancelling", "orders"), rows)
    for account, problem in asked.silent.items():
        tell(f"{account}: its orders are not cancelled: {problem}")
    if asked.database:
        tell(f"the database did not say whether there are more gateways: {asked.database}")
    raise typer.Exit(_code(asked))


def _code(asked: Asked[Cancelling]) -> Code:
    if not asked.answers:
        return Code.UNREACHABLE
    return Code.LATCHED if asked.silent or asked.database else Code.DONE


def _record(desk: BrakesDesk, actor: Actor, request: CancelOpen, asked: Asked[Cancelling]) -> bool:
    """What was asked of whom; each order's own cancel is recorded by its gateway in any case."""
    row = entry_row(
        id=uuid.uuid4(),
        action="orders.cancel-all",
        outcome="done" if asked.answers else "failed",
        actor_kind=actor.kind,
        actor=actor.name,
        object_kind="scope",
        object_id=request.scope,
        reason=request.reason,
        source=actor.source,
        happened_at=dt.datetime.now(dt.UTC),
        after={
            "protective_too": request.protective_too,
            "orders": {account: one.orders for account, one in asked.answers.items()},
            "not_asked": asked.silent,
        },
    )
    try:
        within(RECORD_S, lambda: desk.connection().execute(INSERT_SQL.encode(), row))
    except (psycopg.Error, TimeoutError) as error:
        tell(f"not in the record under your name: {why(error)}")
        return False
    return True
