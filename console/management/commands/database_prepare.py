"""``manage.py database_prepare``: the database up to date, and the application's rights in it.

What ``make up`` does at each start, for a database whose desk has no supervisor.
"""

from typing import Any

import environ
import psycopg
from django.core.management.base import BaseCommand, CommandError, CommandParser

from workers.grants import RolesError, database_prepare


class Command(BaseCommand):
    help = (
        "Migrate as the role of DATABASE_OWNER_URL and grant to the role of DATABASE_URL what the"
        " desk's processes need. Exits 1 when that role could rewrite the record all the same."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--make-role", action="store_true",
            help="make the role of DATABASE_URL, with its password there, or give it that password",
        )  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        env = environ.FileAwareEnv()  # type: ignore[no-untyped-call]
        url, owner = env.str("DATABASE_URL", ""), env.str("DATABASE_OWNER_URL", "")
        if not url:
            raise CommandError("DATABASE_URL: name the database, as the application's role")
        if options["make_role"] and not owner:
            raise CommandError("DATABASE_OWNER_URL: name who may make the role")
        try:
            said = database_prepare(url=url, owner_url=owner, make_role=options["make_role"])
        except (RolesError, psycopg.Error) as error:
            raise CommandError(str(error).strip()) from error
        if said:
            raise CommandError(said)
