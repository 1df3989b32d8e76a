"""One desk that all of a test's traders and strategies are on, unless the test says otherwise."""

from collections.abc import Iterable

from django.contrib.auth.models import User

from console.access.desks import permissions_follow
from console.models import Desk
from trading.models import Strategy


def on_no_desk(username: str) -> None:
    """Sees own strategies and no others."""
    User.objects.get(username=username).desks.clear()
    permissions_follow()


def on_floor(
    *, people: Iterable[User] = (), strategies: Iterable[Strategy] = (), key: str = "floor"
) -> Desk:
    """Its people see its strategies, and may do no more with those that are not their own."""
    desk, _ = Desk.objects.get_or_create(
        key=key, defaults={"title": key.capitalize(), "rights": ["view"]}
    )
    joined, more = list(people), list(strategies)
    desk.people.add(*joined)
    desk.strategies.add(*more)
    if more:
        permissions_follow()
    elif desk.strategies.exists():  # else there is nothing to see yet
        permissions_follow(people=joined)
    return desk
