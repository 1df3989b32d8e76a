"""Probes, open to anybody and short of words: is the web process alive, the desk ready, a stage up.

``/healthz`` touches no store, so that a database outage does not get the console restarted.
``/readyz`` says whether the desk as a whole can trade; a proxy that only wants to know where to
send browsers should ask ``/healthz``.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

from redis import Redis, RedisError
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from console.api.base import ApiView, described
from console.api.problems import NoSuchError
from console.stores import redis_client
from trading import database, selectors
from trading.health import STAGES, StageReading

_SEVERITY = ("fresh", "late", "dead")
_PROBLEMS = (400, 405, 406, 500)
STORES = ("database", "redis")
PROBED = (*STAGES, *STORES, "workers")
_WORDS = {
    "database": "does not answer",
    "redis": "does not answer",
    "gateways": "not trading",
    "data": "nothing comes",
    "calendars": "hours of exchanges are not known",
    "holds": "not known",
}


class OpenProbe(ApiView):
    """A view that anybody may ask; console.access.middleware.OPEN has to name it as well."""

    authentication_classes = ()
    permission_classes = (AllowAny,)


class AliveSerializer(serializers.Serializer[Any]):
    status = serializers.ChoiceField(["ok"])


class StageSerializer(serializers.Serializer[Any]):
    stage = serializers.ChoiceField(PROBED)
    status = serializers.ChoiceField(_SEVERITY)
    heartbeat_ms = serializers.IntegerField(
        allow_null=True, help_text="Age of the last heartbeat, or time a store took; null: none."
    )
    instances = serializers.IntegerField()
    on_backup = serializers.IntegerField(
        required=False, help_text="data-ingestor: symbols whose first source fails."
    )
    withheld = serializers.IntegerField(
        required=False, help_text="data-ingestor: symbols whose sources disagree."
    )


class ReadySerializer(serializers.Serializer[Any]):
    status = serializers.ChoiceField(["ready", "not ready"])
    checks = serializers.DictField(
        child=serializers.CharField(),
        help_text="'ok' (and what more there is to say), or why not, by name of the check.",
    )


class Healthz(OpenProbe):
    @described(AliveSerializer, "The web process answers.", name="healthz", problems=_PROBLEMS)
    def get(self, request: Request) -> Response:
        return Response({"status": "ok"})


class HealthzStage(OpenProbe):
    @described(
        StageSerializer,
        "Whether one stage of the critical path is alive: 200 when fresh or late, 503 when dead.",
        name="healthz_stage",
        unwell=True,
        problems=(*_PROBLEMS, 404, 503),
    )
    def get(self, request: Request, stage: str) -> Response:
        if stage not in PROBED:
            raise NoSuchError(f"No such stage. There are: {', '.join(PROBED)}.")
        if stage in STORES:
            words, took_ms = _store(stage)
            status, instances = ("fresh", 1) if words == "ok" else ("dead", 0)
            beat: int | None = took_ms if words == "ok" else None
        else:
            readings = selectors.stage_health(redis_client(), stage)
            status, instances = _status(stage, readings), len(readings)
            beat = max((one.heartbeat_ms for one in readings), default=None)
        answer: dict[str, Any] = {
            "stage": stage, "status": status, "heartbeat_ms": beat, "instances": instances,
        }  # fmt: skip
        if stage == "data-ingestor":
            backup, withheld = selectors.sources_out_of_order(redis_client())
            answer |= {"on_backup": backup, "withheld": withheld}
        return Response(answer, 503 if status == "dead" else 200)


class Readyz(OpenProbe):
    @described(
        ReadySerializer,
        "Whether the desk can trade: stores answer, every stage of the path has a heartbeat, "
        "gateways are licensed and data comes. A desk that a hold halts is ready: it can stop and "
        "resume, and 'holds' says that it is halted.",
        name="readyz",
        unwell=True,
        problems=_PROBLEMS,
    )
    def get(self, request: Request) -> Response:
        if not database.answers():
            return Response(
                {"status": "not ready", "checks": {"database": _WORDS["database"]}}, 503
            )
        checks: dict[str, str] = {}
        for check in selectors.readiness(redis_client()):
            name, _, account = check.name.partition(":")
            name = "gateways" if account else name  # accounts are nobody's business here
            if checks.get(name, "ok") == "ok":
                checks[name] = _words(name, check)
        ready = all(words.startswith("ok") for words in checks.values())
        answer = {"status": "ready" if ready else "not ready", "checks": checks}
        return Response(answer, 200 if ready else 503)


def _words(name: str, check: selectors.Check) -> str:
    """Short: who may ask is anybody. A halt is no secret, and no reason to be not ready."""
    if check.ok:
        return check.text if name in {"holds", "calendars"} else "ok"
    return _WORDS.get(name, "no heartbeat")


def _status(stage: str, readings: Sequence[StageReading]) -> str:
    """The worst of its instances: each serves what no other serves. Of workers, the best."""
    if not readings:
        return "dead"
    pick: Callable[..., int] = min if stage == "workers" else max
    return _SEVERITY[pick(_SEVERITY.index(one.status) for one in readings)]


def _store(name: str) -> tuple[str, int]:
    """'ok' or what is wrong, and how many milliseconds it took."""
    start = time.monotonic()
    try:
        if name == "redis":
            _ask_redis(redis_client())
        elif not database.answers():
            return _WORDS[name], _ms_since(start)
    except RedisError:
        return _WORDS[name], _ms_since(start)
    return "ok", _ms_since(start)


def _ask_redis(client: Redis) -> None:
    client.ping()


def _ms_since(start: float) -> int:
    return round((time.monotonic() - start) * 1000)
