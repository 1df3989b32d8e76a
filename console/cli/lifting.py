"""``haltline lift``: asks, and never lifts. No shell starts trading."""

import uuid
from typing import Annotated, Any

import psycopg
import typer
from django.db import Error as DatabaseError

from console.cli.bounded import Database, why
from console.cli.codes import EXIT_CODES, Code, EndError
from console.cli.desk import actor_here, console_address, desk_here, service
from console.cli.options import HoldId, Output
from console.cli.output import Form, show, show_json, tell
from console.cli.receipts import receipt_read
from riskctl.actors import NotAllowedError
from riskctl.holds import RULES, HoldFact

app = typer.Typer()


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
    """Ask two people to lift a hold. What one person lifts is lifted in the console."""
    desk = desk_here()
    hold = _hold(Database(desk), desk, hold_id)
    if RULES[hold.kind].people < 2:
        raise EndError(
            Code.REFUSED,
            f"a {hold.kind} is lifted by one person, who signs in with a second factor:"
            f" lift {hold.id} in the console, {console_address()}",
        )
    asked = _request(hold, reason=reason, root_cause=root_cause, rollback=rollback)
    if output is Form.JSON:
        show_json(asked)
    else:
        show(f"ASKED  {asked['id']} until {asked['expires_at']}: {hold.kind} on {hold.scope}")
    tell(f"the hold stays in force until another person approves it: {console_address()}")


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


def _request(hold: HoldFact, *, reason: str, root_cause: str, rollback: str) -> dict[str, Any]:
    lifting, kinds = service("riskctl.lifting"), service("riskctl.approvals.kinds")
    try:
        row = lifting.lift_request(
            hold_id=uuid.UUID(hold.id), actor=actor_here(), reason=reason, root_cause=root_cause,
            rollback=rollback,
        )  # fmt: skip
    except NotAllowedError as error:
        raise EndError(
            Code.REFUSED, f"{error} ({error.code}): ask in the console, {console_address()}"
        ) from error
    except kinds.RequestError as error:
        option = f"'--{error.field.replace('_', '-')}'"
        raise typer.BadParameter(str(error), param_hint=option) from error
    except DatabaseError as error:
        raise EndError(Code.UNREACHABLE, f"nothing was asked: {why(error)}") from error
    return {
        "id": str(row.id), "subject": row.subject, "state": row.state, "digest": row.digest,
        "requested_by": row.requested_by, "expires_at": row.expires_at.isoformat(),
    }  # fmt: skip
