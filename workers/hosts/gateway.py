"""Hosts the order gateway of one venue account under the lease ``gateway:NAME``."""

import asyncio
from concurrent.futures import Future
from functools import partial

from django.conf import settings
from django.db import DatabaseError, connections
from redis.asyncio import Redis

from audit.signing import Signer, signer_at, signer_of
from riskctl.brakes_home import BrakesHome
from riskctl.threads import begin
from trading.database import conninfo
from trading.feeds.spec import sessions_for, unpriced
from trading.gateway.facts import AccountFacts, FactsError, facts_begin, facts_changed
from trading.gateway.loop import GatewayLoop, Wires
from trading.gateway.stopdesk import Place
from trading.gateway.store import Owner
from trading.hosting import HostContext
from trading.models import VenueAccount
from trading.venues.credentials import read_credentials
from trading.venues.registry import venue_of


class AccountChangedError(Exception):
    """The account is not what this gateway began with: it must begin anew."""


def run(ctx: HostContext) -> None:
    """Raises FactsError, trading.venues.registry.VenueSetupError, AccountChangedError,
    trading.gateway.writer.LeaseLostError, OSError."""
    home = BrakesHome(settings.BRAKES_HOME)
    name = ctx.lease.partition(":")[2]
    ask = partial(ask_database, name)
    facts, fresh = facts_begin(name, home, ask)
    venue = venue_of(
        adapter=facts.adapter,
        account=facts.name,
        address=facts.address,
        live=facts.live,
        credentials=read_credentials(
            settings.VENUE_CREDENTIALS_FILE, facts.name, plain=not settings.PRODUCTION
        ),
    )
    owner = Owner(facts.name, ctx.lease, ctx.holder, ctx.token, signing_key())
    place = Place(home, home.control_key(settings.CONTROL_KEY), settings.CONTROL_HOST)

    async def trade() -> None:
        redis = Redis.from_url(settings.REDIS_URL, **settings.REDIS_OPTIONS)
        sessions = sessions_for(settings.FEED, live_account=facts.live)
        foreign = unpriced(settings.FEED, live_account=facts.live, address=facts.address)
        wires = Wires(conninfo(), redis, venue, place, sessions, foreign)
        gateway = GatewayLoop(owner, wires, facts)
        comparing = asyncio.create_task(changed(gateway))
        await gateway.run(ctx.stop_fd)
        if comparing.done() and comparing.result():
            raise AccountChangedError(f"{name}: its facts were those of before: starting anew")
        comparing.cancel()

    async def changed(gateway: GatewayLoop) -> bool:
        other = not fresh and await facts_changed(facts, home, ask)
        if other:
            gateway.end()
        return other

    asyncio.run(trade())


def signing_key() -> Signer:
    """The key receipts are signed with: given, or this home's own."""
    if settings.SIGNING_KEY:
        return signer_of(settings.SIGNING_KEY)
    return signer_at(settings.SIGNING_KEY_FILE)


def ask_database(name: str) -> "Future[AccountFacts]":
    """Asks in a thread of its own, which a silent database may keep; it holds nothing."""

    def facts() -> AccountFacts:
        try:
            row = VenueAccount.objects.get(name=name)
            rehearsal = VenueAccount.objects.filter(rehearsal=row).exists()
            return AccountFacts(
                row.name, row.venue, row.adapter, row.address, rehearsal, row.live, row.margin
            )  # fmt: skip
        except (DatabaseError, VenueAccount.DoesNotExist) as error:
            raise FactsError(f"{name}: {str(error).strip()}") from error
        finally:
            connections.close_all()

    return begin(facts, FactsError)
