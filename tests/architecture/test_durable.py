"""What was committed is kept, whatever the server itself is set to: each way in asks for it."""

import psycopg
import pytest
from django.conf import settings

from riskctl.desk import _OPTIONS as OF_STOPS
from riskctl.desk import database_dsn
from trading.gateway.writer import SESSION as OF_GATEWAYS
from workers.hosting.store import _OPTIONS as OF_LEASES

pytestmark = pytest.mark.django_db
OF_ALL_ELSE = settings.DATABASES["default"]["OPTIONS"]["options"]
WAYS = {"stops": OF_STOPS, "gateways": OF_GATEWAYS, "leases": OF_LEASES, "all else": OF_ALL_ELSE}


@pytest.mark.parametrize("options", WAYS.values(), ids=WAYS)
def test_a_commit_is_waited_for(options: str) -> None:
    """PostgreSQL takes the last word on a setting: as it would take ours over its own."""
    with psycopg.connect(database_dsn(), options=f"-c synchronous_commit=off {options}") as made:
        assert made.execute("SHOW synchronous_commit").fetchone() == ("on",)
