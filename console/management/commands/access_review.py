"""``manage.py access_review``: who can do what, and what to look at. Signing is for two people."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from console.access.escalation import escalations_open, unwatched
from console.access.review import review_due
from console.access.review_report import access_of, material_of, report_read
from riskctl.approvals.recording import database_now


class Command(BaseCommand):
    help = (
        "Print the access report. Exit 0: reviewed in time and no gain of privilege unexplained;"
        " 1: overdue, or a gain that nothing accounts for, or a table that is not watched."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--output", choices=("text", "json"), default="text")

    def handle(self, *args: Any, **options: Any) -> None:
        now = database_now()
        report, due = report_read(now), review_due(now)
        alerts, tables = escalations_open(), unwatched()
        if options["output"] == "json":
            facts = {
                **report, "material": material_of(report), "overdue": due.overdue,
                "last_signed_at": due.last.isoformat() if due.last else None,
                "alerts_open": alerts, "unwatched": tables,
            }  # fmt: skip
            self.stdout.write(json.dumps(facts, indent=1))
        else:
            for who, line in access_of(report).items():
                self.stdout.write(f"{who}: {line}")
            for one in report["findings"]:
                self.stdout.write(f"{one['kind']}: {one['who']} {one['text']}")
            self.stdout.write(
                f"last signed off: {due.last or 'never'}, digest {material_of(report)}"
            )
        wrong = [
            *(["the review is overdue"] if due.overdue else []),
            *([f"{alerts} gains of privilege that nothing accounts for"] if alerts else []),
            *([f"not watched: {', '.join(tables)}"] if tables else []),
        ]
        if wrong:
            self.stderr.write("; ".join(wrong))
            raise SystemExit(1)
