"""``manage.py desk_prepare``: what a desk needs in its database. Safe to run at every start."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import transaction

from console.demo_desk import (
    accounts_prepare,
    credentials_prepare,
    demo_strategies,
    leases_prepare,
    limits_prepare,
    roles_prepare,
    strategies_prepare,
)
from console.demo_people import people_prepare
from riskctl.approvals.startup import executors_check
from riskctl.deadman import deadman_prepare
from riskctl.ladder import stages_prepare


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
            return
        home = settings.HALTLINE_HOME
        home.mkdir(parents=True, exist_ok=True)
        credentials_prepare(settings.VENUE_CREDENTIALS_FILE)
        if people_prepare(home / "demo.json", f"http://127.0.0.1:{settings.PORT}"):
            self.stdout.write(f"the demo people's passwords and keys are in {home}/demo.json")
