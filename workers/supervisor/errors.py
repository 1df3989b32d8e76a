"""Why a desk does not start: one line that says what to do, and an exit code for scripts."""

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of ``python -m workers.supervisor`` and of ``scripts/bootstrap.py``."""

    STOPPED = 0  # ended in order
    FAILED = 1  # preparing the desk failed
    SETTING = 2  # a setting is wrong: PORT, FEED, REPLAY_SPEED, a production secret, ...
    PORT_TAKEN = 3
    RUNNING = 4  # a desk already runs in this home
    DISK = 5  # no disk space, or the home cannot be written
    SERVICE = 6  # PostgreSQL or Redis cannot be started or reached
    PYTHON = 7  # wrong Python
    INSTALL = 8  # package index unreachable, or an install failed


class StartError(Exception):
    """The desk cannot start; the text is shown as it is."""

    def __init__(self, text: str, code: Exit = Exit.FAILED) -> None:
        super().__init__(text)
        self.code = code
