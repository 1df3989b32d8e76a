"""Shows the public keys that the record is signed with; makes a new one."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from audit.record_keys import FolderKeys, record_keys
from audit.signing import SigningKeyError


class Command(BaseCommand):
    help = (
        "Print the record's public keys, the current one last. --new makes another: the sequencer"
        " records it, signs once with both, and then with the new one alone."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--new", action="store_true", help="make a new key")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            keys = record_keys()
            if options["new"]:
                if not isinstance(keys, FolderKeys):
                    raise CommandError("HALTLINE_AUDIT_KEY is given: add the new PEM at its end")
                keys.signers()
                keys.make()
            for one in keys.publics():
                self.stdout.write(f"{one.key.id}\n{one.pem}")
        except (SigningKeyError, OSError) as error:
            raise CommandError(str(error)) from error
