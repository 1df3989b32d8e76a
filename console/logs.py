"""Logs: one JSON object a line on stderr, whoever wrote it; secrets are hidden before writing."""

import re
from collections.abc import Mapping
from typing import Any

import structlog

HIDDEN = "[hidden]"
_SECRET_NAMES = re.compile(
    r"passw|secret|authorization|cookie|totp|csrf|session_?(id|key)|^token$|api_?key|credential",
    re.IGNORECASE,
)
_SECRET_VALUES = re.compile(r"hl_[A-Za-z0-9_.~\-]{16,}|(?<=://)[^/\s@]+:[^/\s@]+(?=@)")


def hide_secrets(text: str) -> str:
    """``text`` without API tokens and without the passwords of URLs."""
    return _SECRET_VALUES.sub(HIDDEN, text)


def _clean(name: str, value: Any) -> Any:
    if isinstance(value, str):
        return HIDDEN if value and _SECRET_NAMES.search(name) else hide_secrets(value)
    if isinstance(value, bytes):
        return _clean(name, value.decode(errors="backslashreplace"))
    if isinstance(value, Mapping):
        return {key: _clean(str(key), inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(name, inner) for inner in value]
    # Numbers stay: a lease's fencing token is called token and is no secret.
    return value


def redact(_logger: Any, _method: str, event: structlog.typing.EventDict) -> dict[str, Any]:
    """structlog processor: values named like a secret, or that look like one, are not written."""
    return {key: _clean(key, value) for key, value in event.items()}


_SHARED: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.stdlib.PositionalArgumentsFormatter(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
]

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "structlog.stdlib.ProcessorFormatter",
            "foreign_pre_chain": _SHARED,
            "processors": [
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                redact,  # after the traceback has become text
                structlog.processors.JSONRenderer(default=str),
            ],
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        # Every request is logged once, by the request log, without its query.
        "django.request": {"level": "CRITICAL"},
        "django.security": {"level": "ERROR"},
        "uvicorn.access": {"level": "WARNING"},
    },
}


def configure() -> None:
    """Send structlog's loggers through the standard library's, so there is one way out."""
    structlog.configure(
        processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
