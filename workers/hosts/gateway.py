"""Hosts the order gateway of one venue account under the lease ``gateway:NAME``."""

import asyncio
import queue
import threading

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

DATABASE_S = 0.3
"""How long the database is waited for when the account's facts are known from before."""


def run(ctx: HostContext) -> None:
    """Raises VenueSetupError, trading.gateway.writer.LeaseLostError, OSError."""
    home = BrakesHome(settings.BRAKES_HOME)
    facts = account_facts(ctx.lease.partition(":")[2], home)
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
    """From the database, else as they were when it last answered: cancels need no database.

    A gateway that was killed must cancel again within a second, so a silent database is not waited
    for. The thread that asks it may hang on; it holds nothing, and ends with the database's answer.
    """
    answers: queue.SimpleQueue[AccountFacts | Exception] = queue.SimpleQueue()
    threading.Thread(target=_ask, args=(name, answers), daemon=True, name="facts").start()
    kept = AccountFacts.kept(home, name)
    try:
        found = answers.get(timeout=None if kept is None else DATABASE_S)
    except queue.Empty:
        found = TimeoutError(f"no answer in {DATABASE_S} s")
    if isinstance(found, AccountFacts):
        found.keep(home)
        return found
    if kept is None:
        raise VenueSetupError(f"{name}: the database does not answer: {found}") from found
    log.warning("gateway.starts-without-database", account=name, error=str(found).strip())
    return kept


def _ask(name: str, answers: "queue.SimpleQueue[AccountFacts | Exception]") -> None:
    try:
        row = VenueAccount.objects.get(name=name)
        rehearsal = VenueAccount.objects.filter(rehearsal=row).exists()
        answers.put(AccountFacts(row.name, row.venue, row.adapter, row.address, rehearsal))
    except (DatabaseError, VenueAccount.DoesNotExist) as error:
        answers.put(error)
    finally:
        connections.close_all()
