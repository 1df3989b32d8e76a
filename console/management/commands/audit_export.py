"""Writes an export of the record to a file or to standard output; the export is itself an entry.

With ``--verifier FOLDER`` the stand-alone verifier and the public key are put beside it.
"""

import getpass
import shutil
import sys
from pathlib import Path
from typing import Any

import psycopg
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, InterfaceError
from django.http import QueryDict

from audit import verifier
from audit.export import Export, ExportError, Who
from audit.models import ActorKind
from audit.reading import SearchTooWideError
from audit.record_keys import record_keys
from audit.signing import SigningKeyError
from audit.standing import django_store
from console.api.audit_export import FORMS, choice_asked
from console.api.audit_query import FILTERS, STORY
from console.api.problems import QueryInvalidError
from console.api.queries import read

SAID_EVERY = 5_000
"""Lines between two words of progress, on a terminal."""


class Command(BaseCommand):
    help = (
        "Export the record, or what is chosen of it as /api/audit does, for the verifier (jsonl),"
        " spreadsheets (csv) or people (pdf)."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--form", choices=tuple(FORMS), default="jsonl")
        parser.add_argument("--to", type=Path, help="file; standard output when not given")
        parser.add_argument("--verifier", type=Path, metavar="FOLDER",
                            help="put verifier.py and audit.pem there")  # fmt: skip
        for one in (*FILTERS, STORY):
            parser.add_argument(_option(one.name), dest=f"filter_{one.name}", help=one.about)

    def handle(self, *args: Any, **options: Any) -> None:
        who = Who(ActorKind.PERSON.value, f"shell:{getpass.getuser()}"[:150], source="shell")
        try:
            choice = choice_asked(_given(options), None)
            export = Export(django_store(), who, choice, FORMS[options["form"]]())
            head = export.begin()
            self._write(export, options["to"])
            if options["verifier"]:
                _lay_out(options["verifier"])
        except QueryInvalidError as error:
            raise CommandError(
                f"{_option(error.name)}: {error.detail} It may be {error.allowed}."
            ) from error
        except SearchTooWideError as error:
            raise CommandError("not exported: it takes too long to find out") from error
        except (DatabaseError, InterfaceError, psycopg.Error, ExportError, OSError,
                SigningKeyError) as error:  # fmt: skip
            raise CommandError(f"not exported: {str(error).strip()}") from error
        self.stderr.write(f"{export.given:,} entries, up to the {head}")

    def _write(self, export: Export, to: Path | None) -> None:
        of = "" if export.count is None else f" of {export.count:,}"
        with to.open("wb") if to else sys.stdout.buffer as out:
            for number, piece in enumerate(export.lines(), 1):
                out.write(piece)
                if number % SAID_EVERY == 0 and sys.stderr.isatty():
                    self.stderr.write(f"\r{export.given:,}{of} entries", ending="")
        if sys.stderr.isatty():
            self.stderr.write("\r", ending="")


def _option(name: str) -> str:
    """``--to`` is the file."""
    return "--before" if name == "to" else f"--{name.replace('_', '-')}"


def _given(options: dict[str, Any]) -> dict[str, Any]:
    """What narrows it, parsed. Raises QueryInvalidError."""
    said = QueryDict(mutable=True)
    for one in (*FILTERS, STORY):
        if options.get(f"filter_{one.name}"):
            said[one.name] = options[f"filter_{one.name}"]
    return read(said, (*FILTERS, STORY))


def _lay_out(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(str(verifier.__file__), folder / "verifier.py")
    *old, current = record_keys().publics()
    (folder / "audit.pem").write_text(current.pem)
    for number, one in enumerate(old, 1):
        (folder / f"audit-old-{number}.pem").write_text(one.pem)
