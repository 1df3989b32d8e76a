"""Each entry once, whatever is repeated; and only by the feed that owns the lease."""

import json
from typing import Any

import pytest

from tests.feeds.conftest import OwnRedis
from trading import streams
from trading.feeds import raw
from trading.feeds.ingestor import Ingestor, Reject
from trading.feeds.publish import REJECTS, FencedError, Publisher
from trading.feeds.raw import RawBatch

ENTRY: dict[str, Any] = {"d": b"", "clk": 1}
REJECT = Reject(0, 7, "EURUSD", "crossed", "bid above ask")


def publisher(own: OwnRedis, *, token: int = 1, desk: str = "d", session: str = "s") -> Publisher:
    made = Publisher(own.client(), desk=desk, token=token, session=session, sources=["a.csv"])
    made.open(fresh=False)
    return made


def test_entry_state_and_refusals_are_written_together(own_redis: OwnRedis) -> None:
    redis = own_redis.client()
    entry_id = publisher(own_redis).publish(1, ENTRY, b"{}", [REJECT])
    assert redis.xrange(streams.TICKS) == [(entry_id, {b"d": b"", b"clk": b"1"})]
    assert redis.get(streams.FEED_STATE) == b"{}"
    queued: Any = redis.lrange(REJECTS, 0, -1)
    assert [json.loads(one) for one in queued] == [
        {"session": "s", "source": "a.csv", "line": 7, "symbol": "EURUSD", "reason": "crossed",
         "detail": "bid above ask"},
    ]  # fmt: skip


def test_what_was_refused_can_be_kept_whatever_is_in_it(own_redis: OwnRedis) -> None:
    rows = raw.empty(1)
    rows["malformed"], rows["line"], rows["tick"]["instrument"] = True, 1, -1
    said = RawBatch(rows, 0, {(0, 1): "ValueError: '\0' and \ud83d, caf\u00e9"})
    publisher(own_redis).put_state(b"{}", Ingestor().process(said).rejects)
    queued: Any = own_redis.client().lrange(REJECTS, 0, -1)
    assert json.loads(queued[0])["detail"] == "ValueError: '\ufffd' and ?, caf\u00e9"


def test_a_repeated_publication_changes_nothing(own_redis: OwnRedis) -> None:
    one = publisher(own_redis)
    assert not one.published(1)
    first = one.publish(1, ENTRY, b"1", [REJECT])
    assert one.published(1)
    assert one.publish(1, ENTRY, b"1", [REJECT]) == first
    assert own_redis.client().xlen(streams.TICKS) == 1
    assert own_redis.client().llen(REJECTS) == 1
    assert one.publish(2, ENTRY, b"2") > first


def test_an_older_token_is_fenced(own_redis: OwnRedis) -> None:
    old = publisher(own_redis, token=1)
    old.publish(1, ENTRY, b"old")
    new = publisher(own_redis, token=2)
    with pytest.raises(FencedError):
        old.publish(2, ENTRY, b"old")
    with pytest.raises(FencedError):
        old.put_state(b"old")
    with pytest.raises(FencedError):
        publisher(own_redis, token=1)
    new.publish(2, ENTRY, b"new")
    assert own_redis.client().get(streams.FEED_STATE) == b"new"


def test_a_new_start_of_the_desk_takes_over_whatever_its_token(own_redis: OwnRedis) -> None:
    old = publisher(own_redis, token=9)
    publisher(own_redis, token=1, desk="next", session="t").publish(1, ENTRY, b"next")
    with pytest.raises(FencedError):
        old.publish(1, ENTRY, b"old")


def test_a_fresh_session_forgets_the_quotes_of_another(own_redis: OwnRedis) -> None:
    redis = own_redis.client()
    redis.hset(streams.QUOTES, "EURUSD", "{}")
    publisher(own_redis)
    assert redis.exists(streams.QUOTES)
    publisher(own_redis).open(fresh=True)
    assert not redis.exists(streams.QUOTES)
