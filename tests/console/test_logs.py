"""Logs are JSON lines, and secrets are not in them."""

import io
import json
import logging
import logging.config

import pytest
import structlog

from console import logs

TOKEN = "hl_" + "Ab3_" * 10


@pytest.fixture
def lines() -> io.StringIO:
    """What a logger with our formatter writes."""
    return io.StringIO()


@pytest.fixture
def handler(lines: io.StringIO) -> logging.Handler:
    made = logging.StreamHandler(lines)
    formatter = dict(logs.LOGGING["formatters"]["line"])
    formatter.pop("()")
    made.setFormatter(structlog.stdlib.ProcessorFormatter(**formatter))
    return made


def written(lines: io.StringIO, handler: logging.Handler, say: str) -> dict[str, object]:
    logger = logging.getLogger("probe")
    logger.handlers, logger.propagate = [handler], False
    try:
        if say == "struct":
            structlog.get_logger("probe").warning(
                "said", password="p4ss", token=TOKEN, nested={"api_key": "k3y", "n": [TOKEN]}, n=7
            )
        elif say == "plain":
            logger.warning("call with %s to redis://user:p4ss@host/0", TOKEN)
        else:
            try:
                raise ValueError(f"no such token {TOKEN}")
            except ValueError:
                logger.exception("failed")
    finally:
        logger.handlers, logger.propagate = [], True
    (line,) = lines.getvalue().splitlines()
    found: dict[str, object] = json.loads(line)
    return found


@pytest.mark.parametrize("say", ["struct", "plain", "exception"])
def test_every_line_is_json_without_secrets(
    lines: io.StringIO, handler: logging.Handler, say: str
) -> None:
    line = written(lines, handler, say)
    assert {"event", "level", "logger", "timestamp"} <= line.keys()
    for secret in (TOKEN, "p4ss", "k3y"):
        assert secret not in lines.getvalue()


def test_fencing_tokens_are_numbers_and_stay(lines: io.StringIO, handler: logging.Handler) -> None:
    assert logs.redact(None, "", {"token": 17, "event": "lease"})["token"] == 17
