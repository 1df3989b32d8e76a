"""Redis keys of the path: what each carries, who writes it, who reads it. All prefixed ``hl:``.

Redis holds nothing that cannot be lost: every reader can rebuild from the database and the next
messages.
"""

from django.conf import settings

TICKS = "hl:ticks"
"""Stream, written by the ingestor. Fields of an entry: ``d`` packed ticks (trading.ticks; none in a
sign of life, which moves the clock or asks for an acknowledgement, and may be at the end), ``clk``
feed time ns after the entry, ``boot`` boot ns when it was published, ``wall`` wall ns, ``bid``
boot id, ``s`` feed session id, ``lock`` 1 when the feed waits for acknowledgements, ``end`` 1 on
the last entry of a replay, ``t`` packed trades where the source told any."""

ACKS = "hl:acks"
"""Stream, written by each reader of a ``lock`` entry: ``who`` reader's name, ``id`` entry id."""

FEED_STATE = "hl:feed:state"
"""String, JSON, written by the ingestor with every tick entry in one MULTI: session, source
positions, counters, last good quotes. A restarted feed goes on from it."""

QUOTES = "hl:quotes"
"""Hash symbol -> JSON of the latest good quote, written by the ingestor at most every 100 ms."""

ORDERS = "hl:orders"
"""Stream, written by gateways after commit: field ``m`` a GatewayMessage."""

FRAMES = "hl:frames"
"""Pub/sub channel of live frames; the latest of each topic stays under ``frame_key``."""

TICKS_MAXLEN = 20_000
INTENTS_MAXLEN = 20_000
ORDERS_MAXLEN = 20_000


def intents(account: str) -> str:
    """Stream of intents for one venue account: field ``m`` an Intent."""
    return f"hl:intents:{account}"


def frame_key(topic: str) -> str:
    """String: the latest frame of ``topic`` (desk, pipeline), JSON with ``seq`` and ``as_of``."""
    return f"hl:frame:{topic}"


def stage_key(stage: str, instance: str) -> str:
    """Hash: a stage's heartbeat and measures (trading.health)."""
    return f"hl:stage:{stage}:{instance}"


def redis_url() -> str:
    return str(settings.REDIS_URL)
