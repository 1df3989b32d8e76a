"""Options that several commands share."""

import uuid
from pathlib import Path
from typing import Annotated

import typer

from console.cli.output import Form
from riskctl.holds import FIRM, ScopeError, check_scope


def scope_option(text: str) -> str:
    """Raises typer.BadParameter naming the option and what a scope is."""
    try:
        return check_scope(text)
    except ScopeError as error:
        raise typer.BadParameter(str(error).removeprefix("scope: ")) from None


def hold_argument(text: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no hold's id; haltline status lists them") from None


def existing_file(text: str) -> Path:
    """Raises typer.BadParameter naming the option."""
    path = Path(text)
    if not path.is_file():
        raise typer.BadParameter(f"there is no file {text}")
    return path


_SCOPE = typer.Option(
    "--scope", "-s", callback=scope_option, metavar="SCOPE",
    help="firm, venue:ACCOUNT, strategy:KEY or instrument:SYMBOL",
)  # fmt: skip

Scope = Annotated[str, _SCOPE]
Reason = Annotated[str, typer.Option("--reason", "-r", help="Why; recorded. Not needed.")]
Output = Annotated[
    Form, typer.Option("--output", "-o", help="json: one document on stdout, for scripts")
]
Follow = Annotated[
    bool, typer.Option("--follow", "-f", help="Show the receipt growing, for 30 s at most")
]
ProtectiveToo = Annotated[
    bool, typer.Option("--protective-too", help="Cancel reduce-only stops as well")
]
HoldId = Annotated[str, typer.Argument(callback=hold_argument, metavar="HOLD_ID")]

__all__ = [
    "FIRM", "Follow", "HoldId", "Output", "ProtectiveToo", "Reason", "Scope", "existing_file",
    "hold_argument", "scope_option",
]  # fmt: skip
