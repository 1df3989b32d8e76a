"""Commands that stop. None asks back or needs a reason; closing positions wants ``--yes``."""

from collections.abc import Iterable
from typing import Annotated, Any

import typer

from console.cli.bounded import Database
from console.cli.codes import EXIT_CODES, Code, EndError
from console.cli.desk import actor_here, desk_here, placing_write, service
from console.cli.following import Follower
from console.cli.names import named_nothing
from console.cli.options import FIRM, Follow, Output, ProtectiveToo, Reason, Scope
from console.cli.output import Form, show_json, tell
from console.cli.receipts import placing_show
from riskctl.actors import NotAllowedError
from riskctl.desk import BrakesDesk
from riskctl.holds import Kind, Mode
from riskctl.placing import Placing, hold_place

app = typer.Typer()

PATIENCE_S = 1.0
"""How long proof is waited for; a gateway that says nothing is proven after about half a second."""


@app.command(epilog=EXIT_CODES)
def halt(
    scope: Scope = FIRM, reason: Reason = "", output: Output = Form.TABLE, follow: Follow = False
) -> None:
    """Pause: no order of a strategy leaves. Open orders stay; one person lifts it."""
    _stop(scope, Kind.PAUSE, reason, output, follow)


@app.command(epilog=EXIT_CODES)
def kill(
    scope: Scope = FIRM,
    reason: Reason = "",
    output: Output = Form.TABLE,
    follow: Follow = False,
    protective_too: ProtectiveToo = False,
) -> None:
    """Kill: no order of a strategy leaves, open orders are cancelled; two people lift it."""
    _stop(scope, Kind.KILL, reason, output, follow, protective_too=protective_too)


@app.command(epilog=EXIT_CODES)
def freeze(
    scope: Scope = FIRM,
    reason: Reason = "",
    output: Output = Form.TABLE,
    follow: Follow = False,
    protective_too: ProtectiveToo = False,
) -> None:
    """Kill, and stop flattening too: nothing but cancels leaves; two people lift it."""
    _stop(scope, Kind.KILL, reason, output, follow, mode=Mode.FROZEN, protective_too=protective_too)


@app.command("reduce-only", epilog=EXIT_CODES)
def reduce_only(
    scope: Scope = FIRM, reason: Reason = "", output: Output = Form.TABLE, follow: Follow = False
) -> None:
    """Only what reduces a position leaves; open orders that would increase one are cancelled."""
    _stop(scope, Kind.REDUCE_ONLY, reason, output, follow)


@app.command(epilog=EXIT_CODES)
def flatten(
    scope: Scope,
    yes: Annotated[bool, typer.Option("--yes", help="Positions shall be closed")] = False,
    reason: Reason = "",
    output: Output = Form.TABLE,
    follow: Follow = False,
) -> None:
    """Kill SCOPE, then close every position in it by market orders, in parts."""
    if not yes:
        raise typer.BadParameter(
            f"this closes every position in {scope} at the market: say --yes as well",
            param_hint="'--yes'",
        )
    desk = desk_here()
    try:
        ordered = service("trading.liquidation.service").flatten_order(
            scope=scope, actor=actor_here(), reason=reason, desk=desk
        )
    except NotAllowedError as error:
        raise EndError(Code.REFUSED, str(error)) from error
    closing = {
        "warrant": ordered.warrant.id,
        "closing": list(ordered.taken),
        "not_closing": dict(ordered.refused),
    }
    for account, why in ordered.refused.items():
        tell(f"{account}: does not close positions: {why}")
    if not ordered.taken:
        tell("no gateway closes positions: the stop stands, the positions too")
    code = answer(desk, ordered.placing, output, follow, closing=closing)
    raise typer.Exit(code or (Code.LATCHED if ordered.refused or not ordered.taken else Code.DONE))


def _stop(
    scope: str,
    kind: Kind,
    reason: str,
    output: Form,
    follow: bool,
    *,
    mode: Mode | None = None,
    protective_too: bool = False,
) -> None:
    desk = desk_here()
    try:
        placing = hold_place(
            scope=scope, kind=kind, actor=actor_here(), reason=reason, mode=mode,
            protective_too=protective_too, patience_s=PATIENCE_S, desk=desk,
        )  # fmt: skip
    except NotAllowedError as error:
        raise EndError(Code.REFUSED, str(error)) from error
    raise typer.Exit(answer(desk, placing, output, follow))


def answer(
    desk: BrakesDesk,
    placing: Placing,
    output: Form,
    follow: bool,
    *,
    closing: dict[str, Any] | None = None,
) -> Code:
    """Show what is proven, see it written, follow it if wanted; the exit code."""
    if output is Form.JSON:
        more = {"flatten": closing} if closing is not None else {}
        show_json({**placing.body(), **more}, line=follow)
    else:
        placing_show(placing)
    _messages(desk, placing, placing_write(placing, desk))
    code = _code(placing)
    if not follow or code is Code.UNREACHABLE:
        return code
    follower = Follower(
        desk, placing.hold, tuple(placing.placement.evidence),
        flattens=closing is not None, as_json=output is Form.JSON,
    )  # fmt: skip
    try:
        lacks = follower.run()
    except KeyboardInterrupt:
        tell(f"followed no longer; the stop stands: haltline receipt {placing.hold.id}")
        return code
    for one in lacks:
        tell(f"not proven yet: {one}")
    return Code.LATCHED if lacks else Code.DONE


def _messages(desk: BrakesDesk, placing: Placing, not_recorded: str) -> None:
    placement = placing.placement
    for line in unproven_lines(placement.unproven()):
        tell(line)
    if not_recorded:
        tell(f"not in the database yet, kept on this host's disk: {not_recorded}")
    if not placement.evidence:
        tell("no gateway is known: not on this host's disk, not in the database")
    if not not_recorded:
        nothing = named_nothing(placing.hold.scope, Database(desk))
        if nothing:
            tell(nothing)


def unproven_lines(unproven: Iterable[tuple[str, str, int]]) -> list[str]:
    """From (account, what is known, milliseconds until it is proven at the latest or -1)."""
    return [
        f"{account}: not proven yet ({why}); "
        + (f"in {left_ms} ms at the latest" if left_ms >= 0 else "when it will be, nobody can say")
        for account, why, left_ms in unproven
    ]


def _code(placing: Placing) -> Code:
    if placing.effective:
        return Code.DONE
    return Code.LATCHED if placing.placement.latched_wall_ns else Code.UNREACHABLE
