"""What beat sends, when, and to which queue.

A task that nobody took before the next of its kind is due expires: after an outage one of each
runs, not hundreds.
"""

from typing import Any

from celery.schedules import crontab, schedule

BEAT_QUEUES = ("control", "default")
BEAT_S = 10.0
ALERTS_S = 10.0


def _every(task: str, seconds: float, to: str, **kwargs: Any) -> dict[str, Any]:
    return {
        "task": task,
        "schedule": schedule(seconds),
        "kwargs": kwargs,
        "options": {"queue": to, "expires": seconds},
    }


SCHEDULE: dict[str, dict[str, Any]] = {
    "books-verify": _every("workers.books_verify", 60.0, "control"),
    "reconcile": _every("workers.reconcile", 10.0, "control"),
    "requests-expire": _every("workers.requests_expire", 5.0, "control"),
    "stages-fall": _every("workers.stages_fall", 5.0, "control"),
    "engine-alerts": _every("workers.engine_alerts", ALERTS_S, "default"),
    "escalations-notice": _every("workers.escalations_notice", 5.0, "default"),
    "housekeeping": {
        "task": "workers.housekeeping",
        "schedule": crontab(minute="7"),
        "options": {"queue": "default", "expires": 3_000},
    },
    "calendars-check": {
        "task": "workers.calendars_check",
        "schedule": crontab(hour="4", minute="41"),
        "options": {"queue": "default", "expires": 3_600},
    },
    # Of yesterday; every hour, so that a night without workers delays it by an hour at most.
    "paper-days": {
        "task": "workers.paper_days",
        "schedule": crontab(minute="11"),
        "options": {"queue": "default", "expires": 3_000},
    },
    "audit-verify": {
        "task": "workers.audit_verify",
        "schedule": crontab(hour="2", minute="23"),
        "options": {"queue": "default", "expires": 3_600},
    },
    **{
        f"worker-beat-{queue}": _every("workers.worker_beat", BEAT_S, queue, queue=queue)
        for queue in BEAT_QUEUES
    },
}
