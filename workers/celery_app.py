"""The Celery application. Queues carry what is a task; the tick path is hosted, not queued.

A result of a task is what it changed: none is kept. Every task may run twice (acknowledged late,
and delivered again when its worker died): those we have are harmless twice.
"""

# Celery and kombu are not annotated.
# mypy: disallow-untyped-calls=False, disallow-untyped-decorators=False

import os
import signal
from typing import Any

from celery import Celery, signals
from django.conf import settings
from kombu.entity import Queue
from setproctitle import setproctitle

from workers.schedule import SCHEDULE
from workers.services.spawn import die_with

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")
# `make check` runs Django's checks; a second in every worker's start buys nothing.
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")

TASK_SOFT_S = 45
TASK_HARD_S = 60
VISIBILITY_S = 180
"""A task whose worker was killed is delivered again after this; longer than any task may run."""

app = Celery("haltline")
app.conf.update(
    broker_url=settings.REDIS_URL,
    broker_transport_options={
        # Without these a silent network cut takes minutes to notice (STACK.md).
        **settings.REDIS_OPTIONS,
        "visibility_timeout": VISIBILITY_S,
        "global_keyprefix": "hl:celery:",
    },
    broker_connection_timeout=2,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    # A task that runs on while the broker is away finishes, and is not started twice for it.
    worker_cancel_long_running_tasks_on_connection_loss=False,
    accept_content=["json"],
    task_serializer="json",
    result_serializer="json",
    event_serializer="json",
    task_ignore_result=True,
    result_backend=None,
    task_queues=[Queue("default"), Queue("control")],
    task_default_queue="default",
    task_create_missing_queues=True,  # a hosting worker's own queue, which nobody writes to
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_soft_time_limit=TASK_SOFT_S,
    task_time_limit=TASK_HARD_S,
    task_send_sent_event=False,
    worker_send_task_events=False,
    worker_enable_remote_control=False,
    # Not 1: when the broker goes between a task's end and its acknowledgement, kombu keeps counting
    # that message as unfinished; with room for one only it would never again read from the broker,
    # and so never notice that the connection is gone.
    worker_prefetch_multiplier=2,
    worker_hijack_root_logger=False,
    worker_redirect_stdouts=False,
    worker_consumer="workers.broker:SoonConsumer",
    worker_state_db=None,
    imports=("workers.tasks",),
    beat_schedule=SCHEDULE,
    beat_scheduler="workers.broker:SoonScheduler",
    beat_schedule_filename=str(settings.HALTLINE_HOME / "run" / "beat-schedule"),
    beat_max_loop_interval=5,
    timezone="UTC",
    enable_utc=True,
)
# By name: importing the application must not need Django's models.
app.steps["worker"].add("workers.hosting.step:HostingStep")


@signals.setup_logging.connect
def _leave_logging_alone(**_: Any) -> None:
    """Being connected is the point: Celery then configures no logging of its own."""


@signals.worker_process_init.connect
def _pool_child_begins(**_: Any) -> None:
    """A pool's child dies with its worker, also when that is killed -9."""
    die_with(os.getppid())
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    setproctitle("haltline: tasks")
