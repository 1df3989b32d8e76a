"""``python -m workers.loadtest.host VENUE_ADDRESS``: the account's real gateway, and its licence.

Lays in the load test's own database what a desk must have before it trades, holds the leases, keeps
the heartbeat, and hosts the gateway until standard input ends.
"""

import os
import sys
import threading

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "console.settings"
django.setup()

from django.db import Error, connection, transaction  # noqa: E402 - the settings first

from riskctl.ladder import stages_prepare  # noqa: E402
from riskctl.leases import lease_claim, lease_renew, leases_lay  # noqa: E402
from riskctl.models import Lease, Limit  # noqa: E402
from riskctl.rules import (  # noqa: E402
    FIRM,
    GROSS_NOTIONAL,
    OPEN_ORDERS,
    ORDER_NOTIONAL,
    ORDER_RATE,
    POSITION_NOTIONAL,
    PRICE_COLLAR,
    account_scope,
    strategy_scope,
)
from riskctl.watchdog import EVERY_S, heartbeat_write  # noqa: E402
from trading.hosting import HostContext  # noqa: E402
from trading.models import Strategy, VenueAccount  # noqa: E402
from workers.hosting.holders import own_holder  # noqa: E402
from workers.hosts.gateway import run  # noqa: E402
from workers.loadtest.plan import ACCOUNT, SHARD, SHARD_TOKEN, STRATEGIES, SYMBOLS  # noqa: E402

WIDE = 10**9
GATEWAY, WATCHDOG = f"gateway:{ACCOUNT}", "watchdog:main"


@transaction.atomic
def lay(address: str) -> None:
    """The account, its strategies on rung live, limits that never bind, leases."""
    account = VenueAccount.objects.create(
        name=ACCOUNT, venue="Load test", adapter="trading.venues.paper.PaperVenue", address=address
    )
    Strategy.objects.bulk_create(
        Strategy(
            key=key, kind=Strategy.Kind.MOMENTUM, owner="load test", account=account,
            symbols=list(SYMBOLS), size_notional=1,
        )
        for key in STRATEGIES
    )  # fmt: skip
    stages_prepare(strategies=STRATEGIES, rung="live", entered_by="load test")
    firm = [(FIRM, kind) for kind in (ORDER_NOTIONAL, GROSS_NOTIONAL, PRICE_COLLAR)]
    own = [(account_scope(ACCOUNT), kind) for kind in (GROSS_NOTIONAL, ORDER_RATE)]
    each = (ORDER_NOTIONAL, POSITION_NOTIONAL, GROSS_NOTIONAL, OPEN_ORDERS, ORDER_RATE)
    theirs = [(strategy_scope(key), kind) for key in STRATEGIES for kind in each]
    Limit.objects.bulk_create(
        Limit(scope=scope, kind=kind, value=WIDE) for scope, kind in (*firm, *own, *theirs)
    )
    leases_lay(names=(GATEWAY, WATCHDOG, SHARD))
    Lease.objects.filter(name=SHARD).update(token=SHARD_TOKEN)


def hold_on(tokens: dict[str, int], holder: str) -> None:
    """Renew the leases and beat, for ever. A database that is away is tried again."""
    pause = threading.Event()
    while True:
        try:
            for name, token in tokens.items():
                lease_renew(name=name, holder=holder, token=token)
            heartbeat_write(lease=WATCHDOG, holder=holder, token=tokens[WATCHDOG])
        except Error:
            connection.close()
        pause.wait(EVERY_S)


def main(address: str) -> None:
    lay(address)
    holder = own_holder()
    tokens = {}
    for name in (GATEWAY, WATCHDOG):
        token = lease_claim(name=name, holder=holder)
        assert token is not None, f"{name} was laid just now"
        tokens[name] = token
    connection.close()
    threading.Thread(target=hold_on, args=(tokens, holder), daemon=True).start()
    run(HostContext(lease=GATEWAY, token=tokens[GATEWAY], holder=holder, stop_fd=0))


if __name__ == "__main__":
    main(sys.argv[1])
