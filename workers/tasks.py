"""Tasks: thin skins over services. A failure is logged by Celery with its traceback."""

# Celery and kombu are not annotated.
# mypy: disallow-untyped-calls=False, disallow-untyped-decorators=False

import time
from typing import Any

import redis
from celery import shared_task, signals
from django.conf import settings
from django.utils.module_loading import import_string

from audit.models import ActorKind
from audit.standing import record_verify
from riskctl.approvals import approvals_expire
from trading import health
from trading.calendarwatch import calendars_check
from trading.clock import utc_now
from trading.engines.alerting import engine_alerts_keep
from trading.gates.paper import paper_days_record
from trading.housekeeping import housekeeping_run, recordings_prune
from trading.portfolio.alerts import STAGE
from trading.portfolio.recompute import books_check
from trading.reconciliation.service import SCHEDULE, reconcile_run
from trading.resume.promotion import stages_fall
from workers.schedule import ALERTS_S, BEAT_QUEUES, BEAT_S

SESSIONS_TIDY = "console.access.sessionlist.sessions_tidy"
"""The list of sessions is the console's; workers lie below it and know no more than the name."""
ESCALATIONS_NOTICE = "console.access.escalation.escalations_notice"

AUDIT_VERIFY_S = 3_600

_METERS = {queue: health.StageMeter("workers", queue, every_s=BEAT_S) for queue in BEAT_QUEUES}
_ALERTS = health.StageMeter(STAGE, "documents", every_s=ALERTS_S)


@shared_task(name="workers.books_verify")
def books_verify() -> None:
    """Recompute the books from the fills, compare, and keep what was found."""
    books_check()


@shared_task(name="workers.reconcile", ignore_result=True)
def reconcile() -> None:
    """Compare every venue account with our books, and keep what differs."""
    reconcile_run(asked_by=SCHEDULE)


@shared_task(name="workers.requests_expire", ignore_result=True)
def requests_expire() -> None:
    """Requests that took two people too long end."""
    approvals_expire(now=utc_now())


@shared_task(name="workers.stages_fall", ignore_result=True)
def fall() -> None:
    """Strategies that no longer meet the conditions of their rung come down."""
    stages_fall()


@shared_task(name="workers.engine_alerts", ignore_result=True)
def engine_alerts() -> None:
    """Alert conditions of TradingEngine documents begin and end; and that they were evaluated."""
    began_ns = time.monotonic_ns()
    engine_alerts_keep(now=utc_now())
    _ALERTS.observe(time.monotonic_ns() - began_ns)
    _beat(_ALERTS)


@shared_task(name="workers.paper_days", ignore_result=True)
def paper_days() -> None:
    """Whole days on the rung paper that nobody judged yet are judged."""
    paper_days_record(now=utc_now())


@shared_task(name="workers.escalations_notice", ignore_result=True)
def escalations_notice() -> None:
    """What the database saw of gains in privilege enters record and log."""
    import_string(ESCALATIONS_NOTICE)()


@shared_task(name="workers.calendars_check", ignore_result=True)
def exchange_hours() -> None:
    """Alarm before the hours of exchanges end."""
    calendars_check(now=utc_now())


@shared_task(name="workers.housekeeping")
def housekeeping() -> None:
    """Remove what is older than its retention, and sessions that have ended."""
    housekeeping_run()
    if settings.RECORD_DAYS:  # who stops recording keeps what there is
        recordings_prune(
            folder=settings.RECORDED, now=utc_now(), days=settings.RECORD_DAYS,
            most_mb=settings.RECORD_MB,
        )  # fmt: skip
    import_string(f"{settings.SESSION_ENGINE}.SessionStore").clear_expired()
    import_string(SESSIONS_TIDY)(now=utc_now())


@shared_task(
    name="workers.audit_verify", ignore_result=True, acks_late=False,
    soft_time_limit=AUDIT_VERIFY_S, time_limit=AUDIT_VERIFY_S + 15,
)  # fmt: skip
def audit_verify() -> None:
    """Check the whole record, and alarm when it is not whole.

    Longer than a message may go unacknowledged, so it is acknowledged at once: one whose worker was
    killed is not begun again before the next night.
    """
    record_verify(actor="nightly check", actor_kind=ActorKind.PROCESS.value)


@shared_task(name="workers.worker_beat", ignore_result=True)
def worker_beat(queue: str) -> None:
    """The worker of ``queue`` takes and runs tasks: say so for /healthz/workers."""
    _beat(_METERS[queue])


def _beat(meter: health.StageMeter) -> None:
    key = health.key(meter.stage, meter.instance)
    with redis.Redis.from_url(settings.REDIS_URL, **settings.REDIS_OPTIONS) as client:
        pipe = client.pipeline(transaction=True)
        pipe.hset(key, mapping=meter.fields())
        pipe.expire(key, health.EXPIRE_S)
        pipe.execute()


@signals.task_postrun.connect
def _count(task: Any = None, state: str = "", **_: Any) -> None:
    """One worker serves one queue, so all of a process's tasks count for all its meters."""
    for meter in _METERS.values():
        meter.total += 1
        if state == "FAILURE":
            meter.error(str(task.name))
