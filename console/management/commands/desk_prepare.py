"""``manage.py desk_prepare``: what a desk needs in its database. Safe to run at every start."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from audit.keys import KeyStoreError
from console.access.escalation import escalations_set_up
from console.access.rotation import keys_prepare
from console.demo_desk import (
    accounts_prepare,
    credentials_prepare,
    demo_strategies,
    desks_prepare,
    leases_prepare,
    limits_prepare,
    roles_prepare,
    strategies_prepare,
)
from console.demo_people import people_prepare
from riskctl.actors import system_actor
from riskctl.approvals.startup import executors_check
from riskctl.deadman import deadman_prepare
from riskctl.ladder import stages_prepare
from trading.venues.credentials import CredentialsError


class Command(BaseCommand):
    help = (
        "Make roles and leases; in a demo also accounts, strategies, limits, people and tokens."
        " A production desk gets no people."
    )
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        executors_check()
        with transaction.atomic():
            roles_prepare()
            if not settings.PRODUCTION:
                accounts_prepare(settings.PAPER_VENUE_ADDRESS)
                wanted = demo_strategies(settings.FEED, settings.REPLAY_SPEED)
                strategies_prepare(wanted, settings.SHARDS)
                limits_prepare(wanted)
                stages_prepare(strategies=[one.key for one in wanted], entered_by="desk start")
                # Whoever starts a demo desk watches it; later they have to say so themselves.
                deadman_prepare(confirmed_by="desk start")
            leases_prepare(settings.SHARDS)
        if settings.PRODUCTION:
            _keys_prepare()
            return
        home = settings.HALTLINE_HOME
        home.mkdir(parents=True, exist_ok=True)
        credentials_prepare(settings.VENUE_CREDENTIALS_FILE, settings.PAPER_VENUE_ACCOUNTS_FILE)
        with transaction.atomic():
            fresh = people_prepare(home / "demo.json", f"http://localhost:{settings.PORT}")
            desks_prepare(wanted)
            escalations_set_up(actor=system_actor("desk start"), note="the demo's own people")
        if fresh:
            self.stdout.write(f"the demo people's passwords and keys are in {home}/demo.json")


def _keys_prepare() -> None:
    """A demo makes its keys as they are needed, and heals when they were lost."""
    try:
        keys_prepare(actor=system_actor("desk start"), credentials=settings.VENUE_CREDENTIALS_FILE)
    except (KeyStoreError, CredentialsError) as error:
        raise CommandError(str(error)) from error
