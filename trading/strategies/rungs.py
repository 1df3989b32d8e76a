"""Watches a shard's strategies from a thread of its own, with rungs and sizes: ticks never wait.

While the database does not answer the last known rungs stand; the gateways' licences run out then.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import structlog
from django.db import DatabaseError, InterfaceError, connection, transaction

from riskctl.models import Stage
from riskctl.rungs import Rung
from trading.models import Strategy
from trading.strategies.loader import load_strategies
from trading.strategies.specs import StrategySpec
from trading.strategies.terms import Terms, terms_of
from trading.universe import UNIVERSE

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
        key: (size, _paper(first, real), _paper(second, second_real))
        for key, size, first, real, second, second_real in rows.values_list(
            "key", "size_notional", "account__rehearsal_id", "account__rehearsal__live",
            "second_account__rehearsal_id", "second_account__rehearsal__live",
        )
    }  # fmt: skip
    return {
        one.key: _one(one, stages.get(one.key), *stored.get(one.key, (one.size_notional, "", "")))
        for one in specs
    }


def _paper(rehearsal: str | None, live: bool | None) -> str:
    """One that reaches a real venue is no rehearsal: no gate stands before the rung paper."""
    return "" if rehearsal is None or live else rehearsal


def _one(
    spec: StrategySpec, stage: Stage | None, size: Decimal, rehearsal: str, second: str
) -> Terms:
    """A size that is none (a hand in the database) changes nothing: the last good one stands."""
    rung = Rung(stage.rung) if stage else Rung.STOPPED
    factor = stage.size_factor if stage else Decimal(1)
    sized = replace(spec, size_notional=size) if size > 0 else spec
    rehearsals = (rehearsal, second) if spec.second_account else (rehearsal,)
    return terms_of(sized, rung, factor, *rehearsals)


@dataclass(frozen=True, slots=True)
class Told:
    """All terms; ``specs``: all strategies, where they are not those of before."""

    terms: TermsByKey
    specs: Sequence[StrategySpec] | None = None


class RungWatch:
    """``take`` from the loop's thread; ``start`` and ``stop`` round it."""

    def __init__(self, shard: int, specs: Sequence[StrategySpec], known: TermsByKey) -> None:
        """``specs`` and ``known``: the strategies and terms the engine has."""
        self._shard = shard
        self._specs = list(specs)
        self._rows: list[tuple[Any, ...]] | None = None
        self._known = dict(known)
        self._fresh: Told | None = None
        self._lock = threading.Lock()
        self._failing = False
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="rungs", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout_s: float = 2.0) -> None:
        self._stopping.set()
        self._thread.join(timeout_s)

    def take(self) -> Told | None:
        """What there is now, if anything changed since the last call. Waits for no database.

        Raises RuntimeError when nobody watches any more.
        """
        if not self._thread.is_alive() and not self._stopping.is_set():
            raise RuntimeError("nobody watches the rungs any more")
        with self._lock:
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
                rows, specs = self._specs_now()
                terms = terms_read(specs)
        except (DatabaseError, InterfaceError) as error:
            if not self._failing:
                log.warning("rungs cannot be read", error=str(error).strip().partition("\n")[0])
            self._failing = True
            connection.close()
            return
        self._failing, self._rows = False, rows
        changed = specs != self._specs
        if changed or terms != self._known:
            self._specs, self._known = specs, terms
            with self._lock:
                unseen = self._fresh.specs if self._fresh else None
                self._fresh = Told(terms, specs if changed else unseen)

    def _specs_now(self) -> tuple[list[tuple[Any, ...]], list[StrategySpec]]:
        """Made anew only where a row moved. Size is on the terms. Raises django.db.Error."""
        rows = list(
            Strategy.objects.filter(shard=self._shard)
            .order_by("key")
            .values_list("key", "kind", "account_id", "second_account_id", "symbols", "parameters")
        )
        if rows == self._rows:
            return rows, self._specs
        found = load_strategies(self._shard, UNIVERSE)
        sizes = {one.key: one.size_notional for one in self._specs}
        same = [replace(one, size_notional=sizes.get(one.key, one.size_notional)) for one in found]
        return rows, same
