"""``manage.py permissions_doc``: write docs/permissions.md from the permission table."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from console.access.matrix.document import document, document_path


class Command(BaseCommand):
    help = "Writes docs/permissions.md from the permission table; --check only compares."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="fail when the file differs")

    def handle(self, *args: Any, **options: Any) -> None:
        path, text = document_path(), document()
        known = path.read_text() if path.exists() else ""
        if options["check"]:
            if known != text:
                raise CommandError(f"{path.name} is not what the table says: run permissions_doc")
            return
        if known != text:
            path.write_text(text)
        self.stdout.write(f"{path}: {'written' if known != text else 'as it was'}")
