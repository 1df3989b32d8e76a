"""What every test may use."""

import os
from collections.abc import Iterator

import hypothesis
import pytest
from django.conf import settings
from pytest_django import DjangoDbBlocker

from riskctl.desk import brakes_desk
from tests.support.flush import empty_between_tests
from tests.support.hashing import hash_quickly
from tests.support.services import ALL_VARIABLE

# Speed is measured in `make bench`; a busy machine must not fail a property.
hypothesis.settings.register_profile(
    "haltline", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("haltline")


def pytest_configure(config: pytest.Config) -> None:
    if not (os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL")):
        raise pytest.UsageError(
            "tests need services: run make test (or python -m tests), which starts its own,"
            " or set DATABASE_URL and REDIS_URL"
        )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Drills and what is long run only when they are asked for."""
    if config.option.markexpr:
        return
    left = {"drill"} if os.environ.get(ALL_VARIABLE) else {"drill", "long"}
    out = [item for item in items if left & {mark.name for mark in item.iter_markers()}]
    if out:
        config.hook.pytest_deselected(items=out)
        items[:] = [item for item in items if item not in out]


@pytest.fixture(autouse=True, scope="session")
def _stops_let_go(django_db_setup: None) -> Iterator[None]:
    """Stops placed here keep connections warm: the test database cannot go before they do."""
    yield
    if brakes_desk.cache_info().currsize:
        brakes_desk().close()


@pytest.fixture(autouse=True, scope="session")
def _emptied_between(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    with django_db_blocker.unblock():
        empty_between_tests()


@pytest.fixture(autouse=True, scope="session")
def _quick_passwords() -> None:
    hash_quickly()


@pytest.fixture(autouse=True, scope="session")
def _keys_of_this_run(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What tests seal is not sealed by the keys of the desk in this checkout."""
    settings.KEYS_FOLDER = tmp_path_factory.mktemp("sealing") / "keys"
