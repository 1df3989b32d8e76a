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
from django.utils.dateparse import parse_datetime

from audit import verifier
from audit.choosing import Choice
from audit.export import FORMS, Export, ExportError, Who
from audit.models import ActorKind
from audit.record_keys import record_keys
from audit.signing import SigningKeyError
from audit.standing import django_store

_TEXTS = ("actor", "action", "outcome", "object_kind", "object_id", "correlation_id")


class Command(BaseCommand):
    help = "Export the record, or what is chosen of it, for the verifier (jsonl) or people (csv)."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--form", choices=FORMS, default="jsonl")
        parser.add_argument("--to", type=Path, help="file; standard output when not given")
        parser.add_argument("--since", help="recorded at or after, RFC 3339 with a zone")
        parser.add_argument("--until", help="recorded before, RFC 3339 with a zone")
        parser.add_argument("--verifier", type=Path, metavar="FOLDER",
                            help="put verifier.py and audit.pem there")  # fmt: skip
        for name in _TEXTS:
            parser.add_argument(f"--{name.replace('_', '-')}", default="")

    def handle(self, *args: Any, **options: Any) -> None:
        choice = Choice(
            since=_moment(options, "since"), until=_moment(options, "until"),
            **{name: options[name] for name in _TEXTS},
        )  # fmt: skip
        who = Who(ActorKind.PERSON.value, f"shell:{getpass.getuser()}"[:150], source="shell")
        try:
            export = Export(django_store(), who, choice, options["form"])
            head = export.begin()
            count = _write(export, options["to"])
            if options["verifier"]:
                _lay_out(options["verifier"])
        except (DatabaseError, InterfaceError, psycopg.Error, ExportError, OSError,
                SigningKeyError) as error:  # fmt: skip
            raise CommandError(f"not exported: {str(error).strip()}") from error
        self.stderr.write(f"{count:,} lines, up to the {head}")


def _moment(options: dict[str, Any], name: str) -> Any:
    if not options[name]:
        return None
    found = parse_datetime(options[name])
    if found is None or found.tzinfo is None:
        raise CommandError(f"--{name}: say a time with a zone, as 2026-11-21T09:30:00Z")
    return found


def _write(export: Export, to: Path | None) -> int:
    count = 0
    with to.open("wb") if to else sys.stdout.buffer as out:
        for line in export.lines():
            out.write(line)
            count += 1
    return count


def _lay_out(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(str(verifier.__file__), folder / "verifier.py")
    *old, current = record_keys().publics()
    (folder / "audit.pem").write_text(current.pem)
    for number, one in enumerate(old, 1):
        (folder / f"audit-old-{number}.pem").write_text(one.pem)
