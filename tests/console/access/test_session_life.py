"""A session ends after 12 hours, or after 60 minutes without use, whichever comes first."""

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.backends.base import SessionBase
from django.test import Client

from console.access.sessions import (
    FACTOR_AT,
    PASSWORD_AT,
    SEEN_AT,
    Standing,
    person_of_key,
)
from tests.console.conftest import entries

pytestmark = pytest.mark.django_db


def aged(client: Client, **seconds: int) -> SessionBase:
    """Move times in the client's session into the past."""
    session = client.session
    for name, by in seconds.items():
        session[name] -= by
    session.save()
    return session


def test_idle_for_an_hour_is_over(desk_browser: Client) -> None:
    aged(desk_browser, **{SEEN_AT: 3599})
    assert desk_browser.get("/").status_code == 200
    aged(desk_browser, **{SEEN_AT: 3601})
    assert desk_browser.get("/").headers["Location"] == "/sign-in"
    assert entries("access.deny")[-1]["reason"] == "session-expired"
    assert entries("access.deny")[-1]["actor"] == "mercy.okafor"


def test_twelve_hours_are_the_end_however_busy(desk_browser: Client) -> None:
    aged(desk_browser, **{PASSWORD_AT: 12 * 3600 - 10, FACTOR_AT: 12 * 3600 - 20})
    assert desk_browser.get("/").status_code == 200
    aged(desk_browser, **{PASSWORD_AT: 11})
    assert desk_browser.get("/").headers["Location"] == "/sign-in"
    assert desk_browser.get("/api/positions").status_code == 401


def test_use_keeps_a_session_alive_and_is_written_once_a_minute(desk_browser: Client) -> None:
    seen = desk_browser.session[SEEN_AT]
    desk_browser.get("/")
    assert desk_browser.session[SEEN_AT] == seen
    aged(desk_browser, **{SEEN_AT: 1800})
    desk_browser.get("/")
    assert desk_browser.session[SEEN_AT] >= seen


def test_what_a_session_lacks_counts_against_it(desk_browser: Client) -> None:
    session = desk_browser.session
    del session[SEEN_AT]
    session.save()
    assert person_of_key(session.session_key or "").standing is Standing.EXPIRED


def test_a_new_password_or_leaving_ends_the_sessions_of_before(
    desk_browser: Client, mercy: User
) -> None:
    key = desk_browser.session.session_key or ""
    mercy.is_active = False
    mercy.save()
    assert person_of_key(key).standing is Standing.NONE
    mercy.is_active = True
    mercy.set_password("another-long-password-1")
    mercy.save()
    assert person_of_key(key).standing is Standing.NONE
