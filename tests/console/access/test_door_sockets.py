"""No socket opens to a session that falls short, by walking every route there is."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from console.access.matrix.addresses import sockets
from console.access.sockets import NOT_SIGNED_IN
from console.asgi import application
from tests.console.access.test_door import SHORT
from tests.console.access.test_sockets import opened
from tests.console.api.conftest import with_both_factors
from tests.console.conftest import entries, with_password_alone

pytestmark = pytest.mark.django_db(transaction=True)

PATHS = [one.path for one in sockets(application)]
TURNED_AWAY = (True, NOT_SIGNED_IN)
"""Accepted, so that the page can tell why, and closed at once."""


def test_the_walk_finds_the_sockets_there_are() -> None:
    assert {"/live/desk", "/live/pipeline"} <= set(PATHS)


def test_no_socket_opens_without_a_session_or_with_the_password_alone(
    browser: Client, mercy: User
) -> None:
    for path in PATHS:
        assert opened(path) == TURNED_AWAY, path
    with_password_alone(browser, mercy)
    for path in PATHS:
        assert opened(path, browser) == TURNED_AWAY, path
    assert len(entries("access.deny")) == 2 * len(PATHS)


@pytest.mark.parametrize("how", SHORT)
def test_no_socket_opens_to_a_session_that_was_good_once(
    browser: Client, mercy: User, how: str
) -> None:
    with_both_factors(browser, mercy)
    for path in PATHS:
        assert opened(path, browser) == (True, None), path
    SHORT[how].spoil(browser, mercy)
    for path in PATHS:
        assert opened(path, browser) == TURNED_AWAY, path
    denied = entries("access.deny")
    assert [one["after"]["path"] for one in denied] == PATHS
    assert {one["after"]["method"] for one in denied} == {"WEBSOCKET"}
