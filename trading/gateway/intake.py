"""Reading an intent off the stream. What cannot be an order of ours is refused whole. Pure."""

import re
from decimal import Decimal

import msgspec

from trading.messages import Intent, OrderIntent, TimeInForce, intent_decoder

MAX_NUMBER = Decimal("1e15")
"""Beyond any quantity or price of this desk, and well inside the books' columns."""

MAX_LIFE_MS = 3_600_000

LONGEST_SYMBOL = 24
"""As many as the books' column takes: a refusal that could not be written would end the gateway."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:+-]{0,39}")


class MalformedIntentError(ValueError):
    """The bytes are no intent; the message names the field and what is wrong with it."""


def read_intent(data: bytes) -> Intent:
    """The intent in ``data``. Raises MalformedIntentError; nothing else has happened then."""
    try:
        intent: Intent = intent_decoder.decode(data)
    except msgspec.DecodeError as error:
        raise MalformedIntentError(str(error)) from error
    names = {"intent_id": intent.intent_id, "strategy": intent.strategy, "shard": intent.shard}
    if isinstance(intent, OrderIntent):
        names |= {"correlation_id": intent.correlation_id, "symbol": intent.symbol}
        _check_numbers(intent)
    for field, value in names.items():
        if not _NAME.fullmatch(value):
            raise MalformedIntentError(f"{field}: {value[:60]!r} is no name of up to 40 characters")
    if len(names.get("symbol", "")) > LONGEST_SYMBOL:
        raise MalformedIntentError(f"symbol: {names['symbol']!r} is over {LONGEST_SYMBOL} letters")
    return intent


def _check_numbers(intent: OrderIntent) -> None:
    for field in ("quantity", "limit_price", "stop_price", "reference_price", "expected_position"):
        value: Decimal | None = getattr(intent, field)
        if value is not None and not (value.is_finite() and abs(value) < MAX_NUMBER):
            raise MalformedIntentError(f"{field}: {value} is not a number below 1e15")
    if not 0 <= intent.life_ms <= MAX_LIFE_MS:
        raise MalformedIntentError(f"life_ms: {intent.life_ms} is not from 0 to {MAX_LIFE_MS}")
    if intent.post_only and intent.time_in_force is TimeInForce.IOC:
        raise MalformedIntentError("post_only: an order that may not rest cannot be post-only")
    for field in ("tick_time", "created_wall", "created_boot", "tick_boot", "expires_wall"):
        if not 0 <= getattr(intent, field) < 2**62:
            raise MalformedIntentError(f"{field}: {getattr(intent, field)} is no time")
