"""``manage.py venue_account NAME``: an account at a real exchange, its keys read from the input."""

import getpass
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from audit.keys import KeyStoreError
from riskctl.actors import shell_actor
from trading.venues.accounts import EXCHANGES, venue_account_set
from trading.venues.credentials import CredentialsError
from trading.venues.registry import VenueSetupError


class Command(BaseCommand):
    help = (
        "Make an account at a real exchange known, with its keys sealed on this host. The API key"
        " and its secret are asked for, or read as two lines of the input."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="of the account, for example kraken-1")
        parser.add_argument("--exchange", required=True, choices=sorted(EXCHANGES))
        parser.add_argument("--venue", required=True, help="as people know it")
        parser.add_argument("--address", required=True, help="futures.kraken.com:443")
        parser.add_argument("--symbols", required=True, help="BTCUSDT-PERP=PF_XBTUSD,…")
        parser.add_argument("--rehearsal", default="", help="paper account for the rung *paper*")
        parser.add_argument("--cash", action="store_true", help="it may not owe, nor be short")
        parser.add_argument("--live", action="store_true", help="its orders are real")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            account = venue_account_set(
                name=options["name"],
                venue=options["venue"],
                exchange=options["exchange"],
                address=options["address"],
                symbols=options["symbols"],
                live=options["live"],
                margin=not options["cash"],
                rehearsal=options["rehearsal"],
                keys=_keys(),
                credentials=settings.VENUE_CREDENTIALS_FILE,
                actor=shell_actor(getpass.getuser()),
            )
        except (VenueSetupError, CredentialsError, KeyStoreError) as error:
            raise CommandError(str(error)) from error
        kind = "live" if account.live else "not live"
        self.stdout.write(f"{account.name}: {account.venue} at {account.address}, {kind}")


def _keys() -> dict[str, str]:
    """Never from the command line, which others on the machine can read."""
    if sys.stdin.isatty():
        key, secret = getpass.getpass("API key: "), getpass.getpass("Secret: ")
    else:
        key, secret = sys.stdin.readline(), sys.stdin.readline()
    if not key.strip() or not secret.strip():
        raise CommandError("give the API key and its secret, as two lines of the input")
    return {"key": key.strip(), "secret": secret.strip()}
