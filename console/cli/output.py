"""Data on stdout, messages on stderr."""

import contextlib
import importlib
import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any

import structlog

from console.logs import redact

PIPED_WIDTH = 200
"""A file or a pipe has no width; a table in it must not be cut at 80 columns."""


class Form(StrEnum):
    TABLE = "table"
    JSON = "json"


def tell(text: str) -> None:
    """One message for people."""
    print(f"haltline: {text}", file=sys.stderr, flush=True)


def show(text: str = "") -> None:
    """One line of data. Whoever has closed the pipe wants no more of it; the work goes on."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())


def show_json(body: Mapping[str, Any], *, line: bool = False) -> None:
    """``line``: one of several documents, each on a line of its own."""
    show(json.dumps(body, indent=None if line else 2, ensure_ascii=False))


def show_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Right of a ``>`` in its name a column stands to the right."""
    # After the stop, not before it: rich takes as long to import as the rest.
    table = importlib.import_module("rich.table").Table(
        box=None, pad_edge=False, header_style="bold"
    )
    for name in columns:
        table.add_column(
            name.removeprefix(">"), justify="right" if name.startswith(">") else "left",
            overflow="fold",
        )  # fmt: skip
    for row in rows:
        table.add_row(*(_plain(value) for value in row))
    width = None if sys.stdout.isatty() else PIPED_WIDTH
    console = importlib.import_module("rich.console").Console
    drawn = console(width=width, highlight=False, markup=False)
    with drawn.capture() as text:
        drawn.print(table)
    show(text.get().rstrip("\n"))


def _plain(value: object) -> str:
    return "-" if value is None or value == "" else str(value)


def quiet_logs() -> None:
    """Only what is an error is said by the modules below, on stderr, without secrets."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            redact,
            structlog.processors.KeyValueRenderer(key_order=["level", "event"], sort_keys=True),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(40),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def leave(code: int) -> None:
    """End at once: threads that wait for a silent database must not hold up the end."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(BrokenPipeError):
            stream.flush()
    os._exit(code)
