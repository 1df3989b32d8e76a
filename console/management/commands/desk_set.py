"""``manage.py desk_set``: a desk's strategies and rights, for whoever sets an installation up."""

import getpass
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from console.access.desks import RIGHTS, VIEW, desk_set
from riskctl.actors import shell_actor
from riskctl.approvals.kinds import RequestError


class Command(BaseCommand):
    help = (
        "Make a desk, or give it these strategies and rights; its people stay, and join on the page"
        " People. Who gains by it is shown under Access review until somebody acknowledges it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("key", help="e.g. fx-metals")
        parser.add_argument("--title", required=True)
        parser.add_argument("--strategies", required=True, help="keys, with commas between")
        parser.add_argument("--rights", default=VIEW, help=f"of {', '.join(RIGHTS)}; view always")
        parser.add_argument("--reason", default="")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            desk = desk_set(
                key=options["key"],
                title=options["title"],
                strategies=_words(options["strategies"]),
                rights=_words(options["rights"]),
                actor=shell_actor(getpass.getuser()),
                reason=options["reason"],
            )
        except RequestError as error:
            raise CommandError(str(error)) from error
        count = desk.strategies.count()
        self.stdout.write(f"{desk.key}: {count} strategies, {', '.join(desk.rights)}")


def _words(text: str) -> list[str]:
    return [word for one in text.split(",") if (word := one.strip())]
