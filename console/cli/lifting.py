"""``haltline lift``: asks, and never lifts. No shell starts trading.

What is asked stands on the hold's receipt, signed and in the record. It counts for nobody: a shell
proves no person, so the two people (or the one) that the kind takes are still to come.
"""

import uuid
from typing import Annotated, Any

import psycopg
import typer

from console.cli.bounded import Database, why
from console.cli.codes import EXIT_CODES, Code, EndError
from console.cli.desk import actor_here, console_address, desk_here
from console.cli.options import HoldId, Output
from console.cli.output import Form, show, show_json, tell
from console.cli.receipts import receipt_read
from riskctl.clock import wall_ns
from riskctl.holds import RULES, HoldFact
from riskctl.pending import Step
from riskctl.writing import steps_write

app = typer.Typer()

ASKED = "lift-asked"


@app.command(epilog=EXIT_CODES)
def lift(
    hold_id: HoldId,
    reason: Annotated[str, typer.Option("--reason", "-r", help="Why it can be lifted")],
    root_cause: Annotated[
        str, typer.Option("--root-cause", help="Of a kill: what went wrong")
    ] = "",
    rollback: Annotated[
        str, typer.Option("--rollback", help="Of a kill: how, and to which version, to go back")
    ] = "",
    output: Output = Form.TABLE,
) -> None:
    """Ask for a hold to be lifted. People do that in the console, who prove who they are."""
    desk = desk_here()
    hold = _hold(Database(desk), desk, hold_id)
    asked = {"reason": reason, "root_cause": root_cause, "rollback": rollback}
    actor = actor_here()
    step = Step(ASKED, str(uuid.uuid4()), "", wall_ns(), asked, actor.name)
    try:
        steps_write(desk, hold, [step])
    except psycopg.Error as error:
        raise EndError(Code.UNREACHABLE, f"nothing was asked: {why(error)}") from error
    people = RULES[hold.kind].people
    if output is Form.JSON:
        show_json({"hold": hold.id, "asked_by": actor.name, "people": people, **asked})
    else:
        show(f"ASKED  {hold.kind} on {hold.scope}: {reason}")
    who = "one person lifts it" if people == 1 else "two people lift it"
    tell(f"the hold stays in force until {who}: {console_address()}/holds/{hold.id}")


def _hold(database: Database, desk: Any, hold_id: str) -> HoldFact:
    try:
        found = receipt_read(database, desk, hold_id)
    except (psycopg.Error, TimeoutError) as error:
        raise EndError(
            Code.UNREACHABLE, f"nothing was asked: the database does not answer: {why(error)}"
        ) from error
    if found is None:
        raise typer.BadParameter(f"there is no hold {hold_id}", param_hint="'HOLD_ID'")
    if found.lift:
        raise EndError(Code.REFUSED, f"it was lifted by {found.lift['lifted_by']} already")
    return found.hold
