"""``manage.py keys_rotate``: new sealing key, everything sealed anew, old keys retired."""

import getpass
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from audit.keys import KeyStoreError
from audit.sealing import SealError
from console.access.rotation import BATCH, keys_rotate
from riskctl.actors import shell_actor
from trading.venues.credentials import CredentialsError


class Command(BaseCommand):
    help = (
        "Make a new sealing key, seal factor seeds and venue credentials anew under it, and retire"
        " old keys that nothing uses. A rotation that was cut short is gone on with. Entries of the"
        " credentials file that are in the clear are sealed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--no-new-key",
            action="store_true",
            help="seal anew under the current key: on another host, or after the environment"
            " was given a new one",
        )
        parser.add_argument("--batch", type=int, default=BATCH, help="seeds a transaction")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["batch"] < 1:
            raise CommandError("--batch: at least 1")
        try:
            done = keys_rotate(
                actor=shell_actor(getpass.getuser()),
                credentials=settings.VENUE_CREDENTIALS_FILE,
                batch=options["batch"],
                new_key=not options["no_new_key"],
            )
        except (KeyStoreError, SealError, CredentialsError) as error:
            raise CommandError(str(error)) from error
        if done.went_on:
            self.stdout.write("went on with a rotation that was not through")
        self.stdout.write(f"current key {done.current}")
        self.stdout.write(f"sealed anew: {done.seeds} seeds, {done.credentials} venue accounts")
        for one in done.retired:
            self.stdout.write(f"retired {one}")
        for one, why in done.kept.items():
            self.stdout.write(f"kept {one}: {why}")
