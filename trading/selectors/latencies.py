"""Latencies of the path's stages over a period, from what they counted. Raises django.db.Error."""

import datetime as dt

from django.db import connection

from trading.histograms import Percentiles, percentiles

_SQL = """
SELECT instance, bucket::int, sum(count::bigint)::bigint
FROM trading_latencyhistogram, jsonb_each_text(counts) AS counted (bucket, count)
WHERE stage = %s AND ended_at > %s AND instance = ANY(%s)
GROUP BY 1, 2
"""


def stage_latencies(
    *, stage: str, instances: set[str], since: dt.datetime
) -> dict[str, Percentiles]:
    """By instance, of those that measured anything; with the ten minutes in which ``since`` is."""
    counts: dict[str, dict[int, int]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_SQL, [stage, since, sorted(instances)])
        for instance, bucket, count in cursor.fetchall():
            counts.setdefault(instance, {})[bucket] = count
    found = ((instance, percentiles(one)) for instance, one in counts.items())
    return {instance: one for instance, one in found if one is not None}
