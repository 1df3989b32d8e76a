"""``haltline risk-validator``, ``apply`` and ``patch``: TradingEngine documents from a shell.

A stop in a document or a patch is placed first, as ``halt`` and ``kill`` do, whatever else is wrong
with it. What it lowers is lowered at once. What it raises waits for two people in the console.
``apply`` and ``patch`` are typed as the operations guide has them, with its ``-n`` and
``--dry-run=client``.
"""

import importlib
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from console.cli.codes import EXIT_CODES
from console.cli.kubectl import AsKubectl
from console.cli.options import Output, Reason, existing_file
from console.cli.output import Form, tell

app = typer.Typer()

ENGINE_CODES = f"""{EXIT_CODES} Of a document: 4 as well when it has errors, or in strict mode
warnings; 3 as well when what it raises waits for two people."""
CHECKED = f"""{ENGINE_CODES} Here no stop is placed and nothing is changed: 0 or 4."""


class Mode(StrEnum):
    STRICT = "strict"
    NORMAL = "normal"


def _work() -> Any:
    """Reading documents takes modules that no stop waits for."""
    return importlib.import_module("console.cli.enginework")


def _kind(text: str) -> str:
    if text.lower() not in ("tradingengine", "tradingengines"):
        raise typer.BadParameter(f"{text!r}: only a tradingengine can be patched")
    return text


def _namespace(text: str) -> str:
    if text:
        tell(f"namespace {text}: not applied here, for a home has one desk")
    return text


_CONFIG = typer.Option("--config", "-c", parser=existing_file, metavar="FILE", help="A document")
_APPLIED = typer.Option("--file", "-f", parser=existing_file, metavar="FILE", help="A document")
_PATCH = typer.Option("--patch", "-p", metavar="JSON", help="Merged into the latest version")
_KIND = typer.Argument(callback=_kind, metavar="tradingengine")
Namespace = Annotated[
    str, typer.Option("--namespace", "-n", callback=_namespace, help="Not applied here")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what it would do, and do nothing")]


@app.command("risk-validator", epilog=CHECKED)
def risk_validator(
    config: Annotated[Path, _CONFIG],
    mode: Annotated[Mode, typer.Option("--mode", help="strict: warnings refuse too")] = Mode.NORMAL,
    output: Output = Form.TABLE,
) -> None:
    """Judge a TradingEngine document, beside the limits in force where this home has a desk."""
    raise typer.Exit(_work().validated(config, output, strict=mode is Mode.STRICT))


@app.command(cls=AsKubectl, epilog=ENGINE_CODES)
def apply(
    file: Annotated[Path, _APPLIED],
    namespace: Namespace = "",
    dry_run: DryRun = False,
    reason: Reason = "",
    output: Output = Form.TABLE,
) -> None:
    """Keep a TradingEngine document as a version, and lower at once what it lowers."""
    raise typer.Exit(_work().applied(file, reason, output, dry_run=dry_run))


@app.command(cls=AsKubectl, epilog=ENGINE_CODES)
def patch(
    kind: Annotated[str, _KIND],  # as kubectl has it
    name: Annotated[str, typer.Argument(metavar="NAME")],
    merge: Annotated[str, _PATCH],
    *,
    namespace: Namespace = "",
    dry_run: DryRun = False,
    reason: Reason = "",
    output: Output = Form.TABLE,
) -> None:
    """Patch a TradingEngine. A riskLimit of 0% and the phase Emergency-Stop stop it at once."""
    raise typer.Exit(_work().patched(name, merge, reason, output, dry_run=dry_run))
