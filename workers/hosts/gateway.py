"""Hosts the order gateway of one venue account under the lease ``gateway:NAME``."""

import asyncio

import structlog
from django.conf import settings
from django.db import DatabaseError, connections
from redis.asyncio import Redis

from audit.signing import Signer, signer_at, signer_of
from riskctl.brakes_home import BrakesHome
from trading.database import conninfo
from trading.gateway.loop import GatewayLoop, Wires
from trading.gateway.register import AccountFacts
from trading.gateway.stopdesk import Place
from trading.gateway.store import Owner
from trading.hosting import HostContext
from trading.models import VenueAccount
from trading.venues.registry import VenueSetupError, read_credentials, venue_of

log = structlog.get_logger(__name__)


def run(ctx: HostContext) -> None:
    """Raises VenueSetupError, trading.gateway.writer.LeaseLostError, OSError."""
    home = BrakesHome(settings.BRAKES_HOME)
    facts = account_facts(ctx.lease.partition(":")[2], home)
    connections.close_all()  # the loop has connections of its own
    venue = venue_of(
        adapter=facts.adapter,
        account=facts.name,
        address=facts.address,
        credentials=read_credentials(settings.VENUE_CREDENTIALS_FILE, facts.name),
    )
    owner = Owner(facts.name, ctx.lease, ctx.holder, ctx.token, signing_key())
    place = Place(home, home.control_key(settings.CONTROL_KEY), settings.CONTROL_HOST)

    async def trade() -> None:
        redis = Redis.from_url(settings.REDIS_URL, **settings.REDIS_OPTIONS)
        wires = Wires(conninfo(), redis, venue, place)
        await GatewayLoop(owner, wires, facts).run(ctx.stop_fd)

    asyncio.run(trade())


def signing_key() -> Signer:
    """The key receipts are signed with: given, or this home's own."""
    if settings.SIGNING_KEY:
        return signer_of(settings.SIGNING_KEY)
    return signer_at(settings.SIGNING_KEY_FILE)


def account_facts(name: str, home: BrakesHome) -> AccountFacts:
    """From the database, else as they were when it last answered: cancels need no database."""
    try:
        row = VenueAccount.objects.get(name=name)
        rehearsal = VenueAccount.objects.filter(rehearsal=row).exists()
    except DatabaseError as error:
        connections.close_all()
        kept = AccountFacts.kept(home, name)
        if kept is None:
            raise VenueSetupError(f"{name}: the database does not answer: {error}") from error
        log.warning("gateway.starts-without-database", account=name, error=str(error).strip())
        return kept
    facts = AccountFacts(row.name, row.venue, row.adapter, row.address, rehearsal)
    facts.keep(home)
    return facts
