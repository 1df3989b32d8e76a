"""Checks the whole record where it lies, against its chain, its tree, and what was signed and kept.

Exit status: 0 whole, 1 not whole (the first bad index is named), 2 it could not be found out.
"""

import getpass
import json
import sys
from typing import Any

import psycopg
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, InterfaceError

from audit.models import ActorKind, Verification
from audit.signing import SigningKeyError
from audit.standing import record_verify

WHOLE, NOT_WHOLE, COULD_NOT = 0, 1, 2


class Command(BaseCommand):
    help = "Check the whole record: chain, tree, signatures, anchors, and searchable columns."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--output", choices=("text", "json"), default="text", help="form of the result"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            row = record_verify(
                actor=f"shell:{getpass.getuser()}", actor_kind=ActorKind.PERSON.value,
                source="shell", progress=self._progress,
            )  # fmt: skip
        except (DatabaseError, InterfaceError, psycopg.Error, SigningKeyError, OSError) as error:
            reason = str(error).strip().partition("\n")[0]
            raise CommandError(
                f"the record could not be checked: {reason}", returncode=COULD_NOT
            ) from error
        self.stdout.write(_json(row) if options["output"] == "json" else _text(row))
        if not row.whole:
            sys.exit(NOT_WHOLE)

    def _progress(self, done: int, total: int) -> None:
        if sys.stderr.isatty():
            self.stderr.write(f"\r{done:,} of {total:,} entries", ending="")
            if done == total:
                self.stderr.write("")


def _json(row: Verification) -> str:
    names = ("whole", "entries", "signed", "first_bad", "last_bad", "why")
    return json.dumps({name: getattr(row, name) for name in names})


def _text(row: Verification) -> str:
    if row.whole:
        return f"whole: {row.entries:,} entries, {row.signed:,} of them signed"
    if row.first_bad is None:
        where = "outside the entries"
    elif row.first_bad == row.last_bad:
        where = f"first bad index {row.first_bad}"
    else:
        where = f"first bad index between {row.first_bad} and {row.last_bad}"
    return f"NOT WHOLE: {where}: {row.why}"
