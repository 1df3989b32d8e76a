"""Exit codes of ``haltline``, the same for every command."""

from enum import IntEnum


class Code(IntEnum):
    DONE = 0
    USAGE = 2
    LATCHED = 3
    REFUSED = 4
    UNREACHABLE = 5
    MISSED = 6


EXIT_CODES = """Exit codes: 0 effective (or done, or all could be asked); 3 latched: kept, and in
force as each gateway is proven, those not proven yet are named with their deadline (or: done or
answered in part); 4 refused by rule; 5 nothing could be reached and nothing was kept;
2 wrong usage."""


class EndError(Exception):
    """Ends the command: ``str`` goes to stderr, ``code`` is the exit code."""

    def __init__(self, code: Code, text: str) -> None:
        super().__init__(text)
        self.code = code
