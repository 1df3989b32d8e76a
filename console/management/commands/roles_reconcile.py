"""``manage.py roles_reconcile``: groups and object permissions as the code has them."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from console.access.roles import ROLES, roles_reconcile
from riskctl.actors import system_actor


class Command(BaseCommand):
    help = (
        "Bring the groups of the roles in step with the table in console/access/roles.py, and the"
        " permissions on strategies with the desks: what is missing is added, what is not named is"
        " removed. Says what differed. Superusers and other groups are said and left."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="change nothing; end with 1 when anything differs"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        check = bool(options["check"])
        found = roles_reconcile(actor=system_actor("roles_reconcile"), check=check)
        for line in found:
            self.stdout.write(line)
        if found and check:
            raise CommandError(f"{len(found)} differences")
        if not found:
            self.stdout.write(f"in step: {', '.join(ROLES)}")
