"""Alerts of documents that ring, as the desk's frame says them. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from trading.health import StageReading, Status
from trading.portfolio.books import AlertRow
from trading.portfolio.text import moment

STAGE = "alerts"
"""Beats whenever conditions were evaluated (workers.tasks)."""
SEVERITIES = ("critical", "warning", "info")


def gravity(severity: str) -> int:
    """To sort by, the gravest first; one that is none of ``SEVERITIES`` before all."""
    return SEVERITIES.index(severity) if severity in SEVERITIES else -1


def alerts_body(rows: Sequence[AlertRow]) -> list[dict[str, Any]]:
    return [
        {"name": one.name, "severity": one.severity, "since": moment(one.began_at)} for one in rows
    ]


def alerting(stages: Mapping[str, Sequence[StageReading]]) -> Status:
    """Whether anybody evaluates them: none that rings means nothing else."""
    found: list[Status] = [one.status for one in stages.get(STAGE, ())]
    return min(found, key=("fresh", "late", "dead").index, default="dead")
