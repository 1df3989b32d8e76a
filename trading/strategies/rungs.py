"""Watches rungs and sizes of a shard's strategies from a thread of its own: ticks never wait.

While the database does not answer the last known rungs stand; the gateways' licences run out then.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

import structlog
from django.db import DatabaseError, InterfaceError, connection, transaction

from riskctl.models import Stage
from riskctl.rungs import Rung
from trading.models import Strategy
from trading.strategies.specs import StrategySpec
from trading.strategies.terms import Terms, terms_of

log = structlog.get_logger("haltline.shard")

EVERY_S = 0.5
STATEMENT_TIMEOUT = "1s"

TermsByKey = Mapping[str, Terms]


def terms_read(specs: Sequence[StrategySpec]) -> dict[str, Terms]:
    """Of each of ``specs`` by key, with its size as stored now. One without a rung is stopped.

    Raises django.db.Error.
    """
    keys = [one.key for one in specs]
    stages = Stage.objects.in_bulk(keys)
    rows = Strategy.objects.filter(key__in=keys)
    stored = {
        key: (size, first or "", second or "")
        for key, size, first, second in rows.values_list(
            "key", "size_notional", "account__rehearsal_id", "second_account__rehearsal_id"
        )
    }
    return {
        one.key: _one(one, stages.get(one.key), *stored.get(one.key, (one.size_notional, "", "")))
        for one in specs
    }


def _one(
    spec: StrategySpec, stage: Stage | None, size: Decimal, rehearsal: str, second: str
) -> Terms:
    """A size that is none (a hand in the database) changes nothing: the last good one stands."""
    rung = Rung(stage.rung) if stage else Rung.STOPPED
    factor = stage.size_factor if stage else Decimal(1)
    sized = replace(spec, size_notional=size) if size > 0 else spec
    rehearsals = (rehearsal, second) if spec.second_account else (rehearsal,)
    return terms_of(sized, rung, factor, *rehearsals)


class RungWatch:
    """``take`` from the loop's thread; ``start`` and ``stop`` round it."""

    def __init__(self, specs: Sequence[StrategySpec], known: TermsByKey) -> None:
        """``known``: the terms the engine has."""
        self._specs = list(specs)
        self._known = dict(known)
        self._fresh: TermsByKey | None = None
        self._failing = False
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="rungs", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout_s: float = 2.0) -> None:
        self._stopping.set()
        self._thread.join(timeout_s)

    def take(self) -> TermsByKey | None:
        """All terms, if any changed since the last call. Never blocks.

        Raises RuntimeError when nobody watches any more.
        """
        if not self._thread.is_alive() and not self._stopping.is_set():
            raise RuntimeError("nobody watches the rungs any more")
        fresh, self._fresh = self._fresh, None
        return fresh

    def _work(self) -> None:
        try:
            while not self._stopping.wait(EVERY_S):
                self._look()
        finally:
            connection.close()

    def _look(self) -> None:
        try:
            with transaction.atomic():
                with connection.cursor() as cursor:
                    cursor.execute(
                        "SELECT set_config('statement_timeout', %s, true)", [STATEMENT_TIMEOUT]
                    )
                terms = terms_read(self._specs)
        except (DatabaseError, InterfaceError) as error:
            if not self._failing:
                log.warning("rungs cannot be read", error=str(error).strip().partition("\n")[0])
            self._failing = True
            connection.close()
            return
        self._failing = False
        if terms != self._known:
            self._known, self._fresh = terms, terms
