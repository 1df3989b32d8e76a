"""Starts one worker with roles of the tests': ``start.py NAME ROLES QUEUES TARGETS`` (JSON)."""

import json
import sys

from workers.celery_main import run_worker

if __name__ == "__main__":
    name, roles, queues, targets = sys.argv[1], *map(json.loads, sys.argv[2:])
    run_worker(name, roles, queues, targets)
