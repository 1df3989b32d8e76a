"""People in the database's own tables, where it looks up the roles of who asks and who decides."""

import pytest
from django.contrib.auth.models import Group, User

from riskctl.actors import Actor


def enrolled(*people: Actor) -> None:
    """Users who may sign in, in the groups of each one's roles."""
    for one in people:
        user, _ = User.objects.get_or_create(username=one.name)
        user.groups.set([Group.objects.get_or_create(name=role)[0] for role in one.roles])


def enrolled_where_used(request: pytest.FixtureRequest, *people: Actor) -> None:
    """``enrolled`` in a test that uses the database."""
    fixtures = {"db", "transactional_db"} & set(request.fixturenames)
    if fixtures or request.node.get_closest_marker("django_db"):
        request.getfixturevalue("db")
        enrolled(*people)
