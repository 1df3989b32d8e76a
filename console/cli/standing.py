"""``haltline status`` and ``haltline receipt``: what is in force, as gateways and database say."""

from dataclasses import dataclass
from typing import Any

import psycopg
import typer

from console.cli.bounded import Database, why
from console.cli.codes import EXIT_CODES, Code, EndError
from console.cli.desk import desk_here
from console.cli.gateways import Asked, gateways_ask
from console.cli.options import HoldId, Output
from console.cli.output import Form, show, show_json, show_table, tell
from console.cli.receipts import (
    Receipt,
    hold_body_plain,
    receipt_kept,
    receipt_read,
    receipt_show,
)
from riskctl.control import AskStanding, Standing
from riskctl.desk import BrakesDesk
from riskctl.holds import HoldFact, effective_mode, scopes_of
from riskctl.licence import Reading
from riskctl.pending import pending_read
from riskctl.reading import READING_SQL, reading_of

app = typer.Typer()

STRATEGIES_SQL = """
SELECT s.key, a.name, a.venue FROM trading_strategy s
JOIN trading_venueaccount a ON a.name IN (s.account_id, s.second_account_id)
ORDER BY s.key, a.name <> s.account_id
"""
DISK = "disk"


@dataclass(frozen=True, slots=True)
class Standings:
    """``holds``: by id, with who knows of it. ``problem``: why the database is not in it."""

    asked: Asked[Standing]
    holds: dict[str, tuple[HoldFact, list[str]]]
    strategies: list[dict[str, str]]
    watchdog_age_ms: int | None
    problem: str

    def body(self) -> dict[str, Any]:
        return {
            "gateways": [_gateway(one) for one in self.asked.answers.values()],
            "not_asked": self.asked.silent,
            "database": self.problem or "answers",
            "watchdog_age_ms": self.watchdog_age_ms,
            "holds": [{**hold_body_plain(h), "known_to": who} for h, who in self.holds.values()],
            "strategies": self.strategies,
        }

    @property
    def code(self) -> Code:
        if not self.asked.answers and self.problem:
            return Code.UNREACHABLE
        return Code.LATCHED if self.asked.silent or self.problem else Code.DONE


def _gateway(one: Standing) -> dict[str, Any]:
    return {
        "account": one.account,
        "mode": str(one.mode),
        "licence_ms": round(max(one.licence_ms, 0.0)),
        "loaded": one.loaded,
        "connected": one.connected,
        "open_orders": one.open_orders,
        "unknown_orders": one.unknown_orders,
        "token": one.token,
        "holds": [hold.id for hold in one.holds],
    }


def standings_read(desk: BrakesDesk) -> Standings:
    """Everybody asked, at most about two seconds."""
    database = Database(desk)
    asked = gateways_ask(desk, database, lambda link: link.ask(AskStanding(), Standing))
    problem, reading, rows = asked.database, None, []
    if not problem:
        try:
            reading = _reading(database)
            rows = database.rows(STRATEGIES_SQL)
        except (psycopg.Error, TimeoutError) as error:
            problem = why(error)
    holds = _holds(desk, asked, reading)
    return Standings(
        asked=asked,
        holds=holds,
        strategies=_strategies(rows, reading, [hold for hold, _ in holds.values()]),
        watchdog_age_ms=_age(reading),
        problem=problem,
    )


def _reading(database: Database) -> Reading:
    """What a gateway's licence is read from."""
    nobody: dict[str, Any] = {"lease": "", "holder": "", "known": []}
    return reading_of(0, database.rows(READING_SQL, nobody)[0])


def _age(reading: Reading | None) -> int | None:
    return None if reading is None or reading.watchdog_age_ms is None else round(
        reading.watchdog_age_ms
    )  # fmt: skip


def _holds(
    desk: BrakesDesk, asked: Asked[Standing], reading: Reading | None
) -> dict[str, tuple[HoldFact, list[str]]]:
    """Newest first. A hold that only one of them knows is in force there all the same."""
    said = [("database", hold) for hold in (reading.holds if reading else ())]
    said += [(one.account, hold) for one in asked.answers.values() for hold in one.holds]
    try:
        said += [(DISK, kept.hold) for kept in pending_read(desk.home)]
    except (OSError, ValueError) as error:
        tell(f"a hold kept on disk cannot be read: {error}")
    found: dict[str, tuple[HoldFact, list[str]]] = {}
    for who, hold in sorted(said, key=lambda one: (-one[1].placed_wall_ns, one[1].id)):
        found.setdefault(hold.id, (hold, []))[1].append(who)
    return found


def _strategies(
    rows: list[tuple[Any, ...]], reading: Reading | None, holds: list[HoldFact]
) -> list[dict[str, str]]:
    stages = reading.stages if reading else {}
    found = []
    for key, account, venue in rows:
        scopes = scopes_of(account, venue, key)
        mode = effective_mode(hold for hold in holds if scopes.applies(hold))
        rung = stages[key].rung if key in stages else "none"
        found.append({"key": key, "account": account, "mode": str(mode), "rung": str(rung)})
    return found


@app.command(epilog=EXIT_CODES)
def status(output: Output = Form.TABLE) -> None:
    """Modes, holds and licences: each gateway's own word, and the database's."""
    found = standings_read(desk_here())
    if output is Form.JSON:
        show_json(found.body())
    else:
        _show(found)
    for account, problem in found.asked.silent.items():
        tell(f"{account}: could not be asked: {problem}")
    if found.problem:
        tell(f"the database could not be asked: {found.problem}")
    raise typer.Exit(found.code)


def _show(found: Standings) -> None:
    gateways = [_gateway(one) for one in found.asked.answers.values()]
    rows: list[tuple[object, ...]] = [
        (
            one["account"], one["mode"], f"{one['licence_ms']} ms", _yes(one["connected"]),
            _yes(one["loaded"]), one["open_orders"], one["unknown_orders"], len(one["holds"]),
        )
        for one in gateways
    ]  # fmt: skip
    rows += [(name, "NOT ASKED", "-", "-", "-", "-", "-", "-") for name in found.asked.silent]
    names = (
        "gateway", "mode", ">licence", "venue", "books", ">open", ">unknown", ">holds",
    )  # fmt: skip
    show_table(names, rows)
    age = "-" if found.watchdog_age_ms is None else f"{found.watchdog_age_ms} ms ago"
    show(f"\nwatchdog's heartbeat: {age}\n")
    show_table(
        ("hold", "scope", "kind", "mode", "placed by", "at", "reason", "known to"),
        [
            (
                hold.id, hold.scope, hold.kind, hold.mode, hold.placed_by,
                hold_body_plain(hold)["placed_at"], hold.reason, " ".join(who),
            )
            for hold, who in found.holds.values()
        ],
    )  # fmt: skip
    if not found.holds:
        show("no holds")
    if found.strategies:
        show()
        show_table(
            ("strategy", "account", "mode", "rung"),
            [(one["key"], one["account"], one["mode"], one["rung"]) for one in found.strategies],
        )


def _yes(value: object) -> str:
    return "yes" if value else "NO"


@app.command(epilog=EXIT_CODES)
def receipt(hold_id: HoldId, output: Output = Form.TABLE) -> None:
    """The receipt of one hold, step by step, each signature checked."""
    found = _receipt(desk_here(), hold_id)
    if output is Form.JSON:
        show_json(found.body())
    else:
        receipt_show(found)
    if found.why:
        tell(f"read from this host's disk: {found.why}")
    raise typer.Exit(Code.DONE if found.effective else Code.LATCHED)


def _receipt(desk: BrakesDesk, hold_id: str) -> Receipt:
    try:
        found, problem = receipt_read(Database(desk), desk, hold_id), ""
    except (psycopg.Error, TimeoutError) as error:
        found, problem = None, why(error)
    if found is not None:
        return found
    try:
        kept = receipt_kept(desk, hold_id, problem or "the database does not have it yet")
    except (OSError, ValueError) as error:
        raise EndError(Code.UNREACHABLE, f"what is kept on disk cannot be read: {error}") from error
    if kept is not None:
        return kept
    if problem:
        raise EndError(Code.UNREACHABLE, f"the database could not be asked: {problem}")
    raise typer.BadParameter(f"there is no hold {hold_id}", param_hint="'HOLD_ID'")
