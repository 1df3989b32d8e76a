"""The engine room: Celery application, schedule, hosts of the long-running loops, supervisor."""
