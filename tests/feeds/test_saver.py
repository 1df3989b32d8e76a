"""What the saver owes the record, whatever refusals it cannot save."""

import datetime as dt
import uuid
from typing import Any

import msgspec
import pytest

from audit.models import Entry
from tests.feeds.conftest import OwnRedis
from tests.feeds.rig import until
from trading.clock import wall_ns
from trading.feeds.publish import REJECTS, TURNS
from trading.feeds.saver import Saver
from trading.models import FeedReject


def a_state(session: uuid.UUID) -> dict[str, Any]:
    return {
        "session": str(session), "spec": "simulated", "status": "running", "at_wall": wall_ns(),
        "started_at": dt.datetime.now(dt.UTC).isoformat(), "seq": 1, "read": 1, "accepted": 1,
        "standby": 0, "refused": {}, "gaps": 0, "clock_jumps": 0,
    }  # fmt: skip


@pytest.mark.django_db(transaction=True)
def test_a_refusal_that_cannot_be_saved_keeps_no_switch_out_of_the_record(
    own_redis: OwnRedis,
) -> None:
    redis, session = own_redis.client(), uuid.uuid4()
    about = {"session": str(session), "symbol": "EURUSD"}
    redis.rpush(
        REJECTS,
        msgspec.json.encode(
            {**about, "source": "a", "line": 1, "reason": "malformed", "detail": "\0"}
        ),
    )
    redis.rpush(
        TURNS, msgspec.json.encode({"kind": "switch", "clock": 1, "words": "a to b: x", **about})
    )
    saver = Saver(redis, actor="feed:main")
    saver.begin(a_state(session), started="new session")
    try:
        until(lambda: Entry.objects.filter(action="feed.switch", reason="EURUSD: a to b: x"))
    finally:
        assert saver.close(10)
    assert not FeedReject.objects.exists()
