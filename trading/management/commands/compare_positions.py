"""Compares positions: what each venue says against what our books say, symbol by symbol.

Exit status: 0 all agree, 1 one differs (also when another account could not be compared), 2 an
account could not be compared, for want of a fresh reading of its venue or of the database. The
table goes to stdout, so that it can be kept and compared with a later one; words go to stderr.
"""

import sys
from collections.abc import Callable
from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, InterfaceError

from trading.portfolio.text import exact, moment
from trading.reconciliation.selectors import AccountPositions, positions_compared
from trading.reconciliation.service import UnknownAccountError

AGREE, DIFFER, COULD_NOT = 0, 1, 2


class Command(BaseCommand):
    help = (
        "Compare every position at the venues with ours, at the same fill. Exit status: 0 they"
        " agree, 1 one differs, 2 it could not be found out (no fresh reading of a venue, or no"
        " database). The table goes to stdout, words go to stderr."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--account", help="only this venue account; all when not given")
        parser.add_argument(
            "--output", choices=("table", "json"), default="table", help="form of the result"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            accounts = positions_compared(account=options["account"])
        except UnknownAccountError as error:
            raise CommandError(f"--account: {error}", returncode=COULD_NOT) from error
        except (DatabaseError, InterfaceError) as error:
            reason = str(error).strip().partition("\n")[0]
            raise CommandError(
                f"the positions could not be compared: {reason}; check DATABASE_URL",
                returncode=COULD_NOT,
            ) from error
        if options["output"] == "json":
            self.stdout.write(msgspec.json.encode([_answer(one) for one in accounts]).decode())
        else:
            _print(accounts, self.stdout.write)
        self.stderr.write(_words(accounts))
        status = _status(accounts)
        if status != AGREE:
            sys.exit(status)


def _status(accounts: list[AccountPositions]) -> int:
    if any(not row.agrees for one in accounts for row in one.rows):
        return DIFFER
    return COULD_NOT if not accounts or any(one.why for one in accounts) else AGREE


def _answer(one: AccountPositions) -> dict[str, Any]:
    return {
        "account": one.account,
        "agrees": one.agrees,
        "why": one.why,
        "taken_at": moment(one.taken_at),
        "fill_sequence": one.fill_sequence,
        "positions": [
            {
                "symbol": row.symbol, "venue": exact(row.venue), "ours": exact(row.ours),
                "fills": exact(row.fills), "difference": exact(row.difference),
                "agrees": row.agrees,
            }
            for row in one.rows
        ],
    }  # fmt: skip


def _print(accounts: list[AccountPositions], write: Callable[[str], object]) -> None:
    rows = [("Account", "Symbol", "Venue", "Ours", "Fills", "Difference", "")]
    rows += [
        (
            one.account, row.symbol, str(exact(row.venue)), str(exact(row.ours)),
            str(exact(row.fills)), str(exact(row.difference)),
            "agrees" if row.agrees else "DIFFERS",
        )
        for one in accounts
        for row in one.rows
    ]  # fmt: skip
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for account, symbol, *figures, verdict in rows:
        right = (text.rjust(width) for text, width in zip(figures, widths[2:-1], strict=True))
        line = [account.ljust(widths[0]), symbol.ljust(widths[1]), *right, verdict]
        write("  ".join(line).rstrip())


def _words(accounts: list[AccountPositions]) -> str:
    lines = [f"{one.account}: {one.why or _as_of(one)}" for one in accounts] or [
        "there is no venue account"
    ]
    return "\n".join(lines)


def _as_of(one: AccountPositions) -> str:
    verdict = "agrees" if one.agrees else "differs"
    return f"{verdict}, as the venue said at {moment(one.taken_at)}, fill {one.fill_sequence}"
