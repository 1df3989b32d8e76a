"""Recomputes every position from the fills and compares, to the cent.

Exit status: 0 everything agrees, 1 something differs (each difference is named), 2 it could not
be found out.
"""

import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, InterfaceError

from trading.portfolio.recompute import BooksReport, books_check
from trading.portfolio.text import moment

AGREES, DIFFERS, COULD_NOT = 0, 1, 2


class Command(BaseCommand):
    help = "Recompute all positions from the fills and compare with ours and the venue's."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--output", choices=("table", "json"), default="table", help="form of the result"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            check, report = books_check()
        except (DatabaseError, InterfaceError) as error:
            reason = str(error).strip().partition("\n")[0]
            raise CommandError(
                f"the books could not be recomputed: {reason}; check DATABASE_URL",
                returncode=COULD_NOT,
            ) from error
        if options["output"] == "json":
            self.stdout.write(msgspec.json.encode(_answer(check.pk, report)).decode())
        else:
            _print(report, self.stdout.write)
        if not report.agrees:
            sys.exit(DIFFERS)


def _answer(ident: int, report: BooksReport) -> dict[str, Any]:
    return {
        "check": ident,
        "at": moment(report.at),
        "agrees": report.agrees,
        "fills": report.fills,
        "positions": report.positions,
        "orders": report.orders,
        "accounts": [asdict(one) for one in report.accounts],
        "differences": [asdict(one) for one in report.differences],
    }


def _print(report: BooksReport, write: Callable[[str], object]) -> None:
    rows = [("Account", "Fills", "Last", "Realised", "Fees", "Venue")]
    rows += [
        (one.account, str(one.fills), str(one.last_sequence), one.realised, one.fees, one.venue)
        for one in report.accounts
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for account, *figures, venue in rows:
        right = "  ".join(
            text.rjust(width) for text, width in zip(figures, widths[1:-1], strict=True)
        )
        write(f"{account.ljust(widths[0])}  {right}  {venue}")
    write(f"{report.fills} fills, {report.positions} positions, {report.orders} orders")
    for difference in report.differences:
        write(str(difference))
    count = len(report.differences)
    figures_word = "figure" if count == 1 else "figures"
    verdict = f"The books differ in {count} {figures_word}."
    write("The books agree." if report.agrees else verdict)
