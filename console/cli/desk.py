"""The brakes of the desk in this home, for a process that lives for a second."""

import importlib
import os
from collections.abc import Sequence
from typing import Any

import django
import psycopg

from console.cli.bounded import why, within
from console.cli.codes import Code, EndError
from console.cli.home import find_desk, login_name
from console.cli.output import quiet_logs, tell
from riskctl.actors import Actor, shell_actor
from riskctl.desk import BrakesDesk, brakes_desk
from riskctl.holds import HoldFact
from riskctl.pending import Step, pending_keep, pending_read
from riskctl.placing import Placing
from riskctl.writing import steps_write

WRITE_S = 0.5


def desk_here() -> BrakesDesk:
    """Raises EndError when there is no desk in this home, or its keys cannot be read."""
    found = find_desk(os.environ)
    os.environ.update(found.told)
    os.environ["HALTLINE_HOME"] = str(found.path)
    quiet_logs()
    if found.problem:
        tell(found.problem)
    if not (found.path / "brakes" / "control.key").exists() and not _given("CONTROL_KEY"):
        tell(
            "no control key in this home: gateways will not listen to this shell;"
            " set HALTLINE_CONTROL_KEY as for the desk"
        )
    try:
        return brakes_desk()
    except (OSError, ValueError) as error:
        raise EndError(Code.UNREACHABLE, f"the desk's keys cannot be used: {error}") from error


def _given(name: str) -> bool:
    return any(f"HALTLINE_{name}{end}" in os.environ for end in ("", "_FILE"))


def actor_here() -> Actor:
    return shell_actor(login_name())


def service(name: str) -> Any:
    """A module that needs models. They are read in only here: no other stop waits for them."""
    django.setup()
    return importlib.import_module(name)


def console_address() -> str:
    """Where people find the console of this desk, as far as a shell knows."""
    return f"http://127.0.0.1:{os.environ.get('PORT', '8080')}"


def placing_write(placing: Placing, desk: BrakesDesk) -> str:
    """Hold and steps, before this process and its threads end: into the database, or else onto
    this host's disk, from where the watchdog writes them up. Why the database does not have them;
    empty when it has."""
    steps = placing.placement.steps(f"shell:{os.getpid()}")
    try:
        within(WRITE_S, lambda: steps_write(desk, placing.hold, steps))
    except (TimeoutError, psycopg.Error) as error:
        problem = why(error)
    else:
        return ""
    try:
        _keep(desk, placing.hold, steps)
    except (OSError, ValueError) as error:
        tell(f"the receipt cannot be kept on disk either: {why(error)}")
    return problem


def _keep(desk: BrakesDesk, hold: HoldFact, steps: Sequence[Step]) -> None:
    """Beside what is kept of it already. Raises OSError, ValueError."""
    kept = [step for one in pending_read(desk.home) if one.hold.id == hold.id for step in one.steps]
    there = {(step.name, step.part, step.account) for step in kept}
    fresh = [one for one in steps if (one.name, one.part, one.account) not in there]
    pending_keep(desk.home, hold, [*kept, *fresh])
