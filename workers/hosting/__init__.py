"""Hosting: how a Celery worker keeps long-running loops alive under leases.

``step`` ties it to the worker's life, ``guard`` decides, ``nursery`` forks, ``holders`` names.
"""
