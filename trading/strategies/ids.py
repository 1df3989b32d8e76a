"""Short names for signals and intents that no other process gives."""

import itertools
from collections.abc import Callable

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def base36(number: int) -> str:
    """``number`` (not negative) in base 36."""
    text = ""
    while True:
        number, digit = divmod(number, 36)
        text = _DIGITS[digit] + text
        if not number:
            return text


def id_factory(shard: str, token: int, started_ms: int) -> Callable[[], str]:
    """Names such as ``s0-3-lt9xk2a1-1z``, at most 40 characters, never the same twice.

    The fencing ``token`` tells one holder of the shard from the next; ``started_ms`` (wall time)
    one child from the next under the same token, or a token from its like in a restored database.
    """
    number = shard.rpartition(":")[2]
    prefix = f"s{number}-{base36(token)}-{base36(started_ms)}-"
    counter = itertools.count(1)
    return lambda: prefix + base36(next(counter))
