"""Whether each venue can be reached, as its gateway and its last reading say.

Nothing is sent for it: a gateway asks its venue all the time, and only it may.
"""

import datetime as dt
from dataclasses import dataclass

from django.db.models import Max
from redis import Redis

from trading.clock import utc_now
from trading.health import read_stages
from trading.models import VenueAccount, VenueReading

READING_S = 30.0
"""A gateway reads its venue every ten seconds: an older reading says that it cannot."""


@dataclass(frozen=True, slots=True)
class Connectivity:
    """Of one account. None: not known. ``answer_p95_us``: from a send to the venue's answer.

    ``stream``: how its venue's private stream is, empty where there is none; without it fills are
    read by the clock.
    """

    account: str
    venue: str
    live: bool
    connected: bool
    settled: bool
    stream: str
    heartbeat_ms: int | None
    answer_p95_us: float | None
    last_reading_at: dt.datetime | None
    reading_age_s: float | None

    @property
    def problems(self) -> list[str]:
        """Codes; none when the venue can be reached."""
        found = {
            "GATEWAY_SILENT": self.heartbeat_ms is None,
            "DISCONNECTED": self.heartbeat_ms is not None and not self.connected,
            "CATCHING_UP": self.connected and not self.settled,
            "NOT_READ": self.reading_age_s is None or self.reading_age_s > READING_S,
        }
        return [code for code, is_so in found.items() if is_so]


def connectivity(redis: Redis) -> list[Connectivity]:
    """By account. Raises redis.RedisError, django.db.Error."""
    beats = {one.instance: one for one in read_stages(redis)["broker"]}
    newest = dict(VenueReading.objects.values_list("account").annotate(latest=Max("taken_at")))
    now = utc_now()
    found = []
    for one in VenueAccount.objects.order_by("name"):
        beat, read_at = beats.get(one.name), newest.get(one.name)
        alive = beat is not None and beat.status != "dead"
        extra = beat.extra if beat is not None and alive else {}
        found.append(
            Connectivity(
                account=one.name,
                venue=one.venue,
                live=one.live,
                connected=extra.get("connected") == "1",
                settled=extra.get("settled") == "1",
                stream=extra.get("stream", ""),
                heartbeat_ms=beat.heartbeat_ms if beat is not None and alive else None,
                answer_p95_us=beat.p95_us if beat is not None and alive else None,
                last_reading_at=read_at,
                reading_age_s=None if read_at is None else (now - read_at).total_seconds(),
            )
        )
    return found
