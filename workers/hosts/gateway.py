"""Hosts the order gateway of one venue account under the lease ``gateway:NAME``."""

import asyncio

from django.conf import settings
from django.db import connections
from redis.asyncio import Redis

from trading.database import conninfo
from trading.gateway.loop import GatewayLoop, Wires
from trading.gateway.store import Owner
from trading.hosting import HostContext
from trading.models import VenueAccount
from trading.venues.registry import read_credentials, venue_of


def run(ctx: HostContext) -> None:
    """Raises trading.venues.registry.VenueSetupError, trading.gateway.writer.LeaseLostError."""
    account = VenueAccount.objects.get(name=ctx.lease.partition(":")[2])
    connections.close_all()  # the loop has connections of its own
    venue = venue_of(
        adapter=account.adapter,
        account=account.name,
        address=account.address,
        credentials=read_credentials(settings.VENUE_CREDENTIALS_FILE, account.name),
    )
    owner = Owner(account.name, ctx.lease, ctx.holder, ctx.token)

    async def trade() -> None:
        redis = Redis.from_url(settings.REDIS_URL, **settings.REDIS_OPTIONS)
        await GatewayLoop(owner, Wires(conninfo(), redis, venue)).run(ctx.stop_fd)

    asyncio.run(trade())
