"""Starting a Celery worker or beat, in a process forked by the supervisor or by hand:

python -m workers.celery_main worker --name pipeline-3 --roles feed,shard,portfolio
python -m workers.celery_main worker --name default-2 --queues default
python -m workers.celery_main beat
"""

import argparse
import os
import sys
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import django
from celery.apps.beat import Beat
from celery.exceptions import SecurityWarning
from django.apps import apps
from django.conf import settings
from django.utils.module_loading import import_string
from setproctitle import setproctitle

from workers.celery_app import app

if not apps.ready:
    django.setup()

# What follows needs Django's models: before set-up it could not be imported.
from workers.hosting.guard import Hosting
from workers.hosting.nursery import nursery_start
from workers.hosts import ROLES
from workers.schedule import BEAT_QUEUES


class WorkerUsageError(ValueError):
    """The worker was asked for something that does not exist; the message says what does."""


def run_worker(
    name: str,
    roles: Sequence[str],
    queues: Sequence[str] = (),
    targets: Mapping[str, str] = ROLES,
) -> None:
    """Run worker ``name`` until SIGTERM, hosting ``roles`` and serving ``queues``.

    Call in a process of one thread: with roles it forks its nursery first of all. A hosting
    worker runs no tasks and gets a queue of its own that nobody writes to; the others run theirs
    one at a time in one pool child, which can be ended when a task exceeds its time. Raises
    WorkerUsageError, and SystemExit with Celery's exit status.
    """
    check_worker(roles, queues, targets)
    hosting = None
    if roles:
        hosted = {role: targets[role] for role in roles}
        for target in hosted.values():
            import_string(target)  # before the fork: children start with everything imported
        hosting = Hosting(name, hosted, nursery_start(name))
    # It warns of root because of pickled messages, and ours are JSON only.
    warnings.filterwarnings("ignore", category=SecurityWarning)
    worker = app.Worker(
        hostname=f"{name}@{os.uname().nodename}",
        queues=list(queues) or [f"host.{name}"],
        pool="solo" if roles else "prefork",
        concurrency=1,
        loglevel="INFO",
        quiet=True,
        # Workers need not know of each other: leases say who does what.
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        hosting=hosting,
    )
    worker.start()
    raise SystemExit(worker.exitcode or 0)


def check_worker(
    roles: Sequence[str], queues: Sequence[str], targets: Mapping[str, str] = ROLES
) -> None:
    """Raises WorkerUsageError when there is nothing to do, or it cannot be done."""
    unknown = [role for role in roles if role not in targets]
    if unknown:
        raise WorkerUsageError(f"--roles: {unknown[0]!r} is none of {', '.join(sorted(targets))}")
    if not roles and not queues:
        raise WorkerUsageError("--roles or --queues: say what the worker is for")
    wrong = [queue for queue in queues if not roles and queue not in BEAT_QUEUES]
    if wrong:
        raise WorkerUsageError(f"--queues: {wrong[0]!r} is none of {', '.join(BEAT_QUEUES)}")


class _Beat(Beat):
    def set_process_title(self) -> None:
        setproctitle("haltline: beat")


def run_beat() -> None:
    """Send what is due (workers.schedule) until SIGTERM; run one of these."""
    Path(settings.HALTLINE_HOME, "run").mkdir(parents=True, exist_ok=True)
    _Beat(app=app, quiet=True, loglevel="INFO").run()


def _names(text: str) -> list[str]:
    return [one.strip() for one in text.split(",") if one.strip()]


def main(arguments: Sequence[str]) -> None:
    """The command line. Exits with 2 and one line when it is wrong."""
    parser = argparse.ArgumentParser(prog="python -m workers.celery_main", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    worker = commands.add_parser("worker", help="host roles, or serve queues")
    worker.add_argument("--name", required=True, help="unique among the desk's workers")
    worker.add_argument("--roles", type=_names, default=[], help=", ".join(sorted(ROLES)))
    worker.add_argument("--queues", type=_names, default=[], help=", ".join(BEAT_QUEUES))
    commands.add_parser("beat", help="send what is due; one a desk")
    given = parser.parse_args(arguments)
    if given.command == "beat":
        run_beat()
        return
    try:
        check_worker(given.roles, given.queues)
    except WorkerUsageError as wrong:
        parser.error(str(wrong))
    run_worker(given.name, given.roles, given.queues)


if __name__ == "__main__":
    main(sys.argv[1:])
