"""Two desks that see nothing of each other, and a person for each role."""

from dataclasses import dataclass
from decimal import Decimal

from django.contrib.auth.models import Group, User

from console.access.desks import desk_set, membership_set
from console.access.roles import roles_reconcile
from console.models import Desk
from riskctl.actors import Actor, system_actor
from riskctl.models import Limit
from trading.models import Strategy, VenueAccount

SETUP = system_actor("test")


@dataclass(frozen=True)
class World:
    """``fx`` trades on paper-1 with ``crypto`` on paper-2; paper-3 is shared by both."""

    fx: Desk
    crypto: Desk


def somebody(username: str, *roles: str, active: bool = True) -> User:
    """Without a factor: for what services are told, not for signing in."""
    user = User.objects.create(username=username, is_active=active)
    user.groups.set([Group.objects.get_or_create(name=one)[0] for one in roles])
    return user


def strategy(key: str, owner: str, account: VenueAccount, *symbols: str) -> Strategy:
    return Strategy.objects.create(
        key=key, kind="momentum", owner=owner, account=account, symbols=list(symbols),
        size_notional=Decimal(1000),
    )  # fmt: skip


def two_desks(*, rights: tuple[str, ...] = ("view",)) -> World:
    """mom-fx and mr-fx (paper-1), mom-btc (paper-2), fx-shared and btc-shared (paper-3).

    ``rights`` are those of the people of either desk. Nobody is on one yet.
    """
    roles_reconcile(actor=SETUP)
    one, two, three = (
        VenueAccount.objects.create(
            name=f"paper-{n}", venue=f"Paper {n}", adapter="none", address="h:1"
        )
        for n in (1, 2, 3)
    )
    strategy("mom-fx", "olga.fx", one, "EURUSD")
    strategy("mr-fx", "felix.fx", one, "EURUSD", "GBPUSD")
    strategy("mom-btc", "boris.btc", two, "BTCUSDT")
    strategy("fx-shared", "olga.fx", three, "XAUUSD")
    strategy("btc-shared", "boris.btc", three, "ETHUSDT")
    fx = desk_set(key="fx", title="FX", strategies=["mom-fx", "mr-fx", "fx-shared"],
                  rights=rights, actor=SETUP)  # fmt: skip
    crypto = desk_set(key="crypto", title="Crypto", strategies=["mom-btc", "btc-shared"],
                      rights=rights, actor=SETUP)  # fmt: skip
    return World(fx, crypto)


def on(desk: Desk, *people: User) -> None:
    for one in people:
        membership_set(one, desk, member=True)


def limits(key: str, order: str, position: str, gross: str, *, firm: str = "1000000") -> None:
    values = {"order-notional": order, "position-notional": position, "gross-notional": gross}
    for kind, value in values.items():
        Limit.objects.create(scope=f"strategy:{key}", kind=kind, value=Decimal(value))
    Limit.objects.get_or_create(
        scope="firm", kind="order-notional", defaults={"value": Decimal(firm)}
    )


def actor(
    name: str,
    *roles: str,
    age_s: float | None = 5.0,
    owns: tuple[str, ...] = (),
    resizes: tuple[str, ...] | None = None,
) -> Actor:
    return Actor(
        kind="person", name=name, roles=frozenset(roles), owns=frozenset(owns),
        resizes=None if resizes is None else frozenset(resizes), factor_age_s=age_s,
        source="10.0.0.7",
    )  # fmt: skip
