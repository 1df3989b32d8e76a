"""``haltline replay-days``: what this desk recorded of its market, and can replay."""

import importlib
import os
from typing import Annotated, Any

import typer

from console.cli.codes import EXIT_CODES, Code, EndError
from console.cli.home import home_path
from console.cli.options import Output
from console.cli.output import Form, show, show_json, show_table

app = typer.Typer()

_VERIFY = typer.Option("--verify", help="Compare every file of a closed day with its digest")


def _state(day: dict[str, Any]) -> str:
    if day["wrong"]:
        return f"not as it was: {', '.join(day['wrong'])}"
    return "can be replayed" if day["closed"] else "is being recorded"


@app.command("replay-days", epilog=EXIT_CODES)
def replay_days(*, verify: Annotated[bool, _VERIFY] = False, output: Output = Form.TABLE) -> None:
    """Days that can be replayed with FEED=replay:DAY, as they lie on this host."""
    kept = importlib.import_module("trading.feeds.recordings")  # no stop waits for it
    try:
        found = kept.recordings(home_path(os.environ) / "recorded")
        wrong = {one.day: kept.day_verify(one) for one in found if verify and one.closed}
    except OSError as error:
        raise EndError(Code.UNREACHABLE, f"what was recorded cannot be read: {error}") from error
    days = [
        {
            "day": one.day.isoformat(),
            "symbols": list(one.symbols),
            "bytes": one.bytes,
            "closed": one.closed,
            "wrong": wrong.get(one.day, []),
            "gaps": [{"from": since, "to": until} for since, until in one.gaps],
        }
        for one in found
    ]
    if output is Form.JSON:
        show_json({"days": days})
    else:
        show_table(
            ("day", ">symbols", ">MB", "state"),
            [
                (
                    one["day"], len(one["symbols"]), f"{one['bytes'] / 1e6:.1f}",
                    "; ".join([_state(one), *(f"lacks {gap['from']} to {gap['to']}"
                                              for gap in one["gaps"])]),
                )
                for one in days
            ],
        )  # fmt: skip
        if not days:
            show("nothing was recorded")
    raise typer.Exit(Code.REFUSED if any(wrong.values()) else Code.DONE)
