"""The dead man's switch: when each account's working orders go unless it says so again.

Times are the venue's own clock and lie in the storage: a venue that was down fires at its start.
"""

from trading.papervenue.storage import Storage

RAN_OUT = "cancel_all_after ran out"


class DeadMan:
    """At most one time an account."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._at = storage.deadmen()

    def arm(self, account: str, at_ns: int) -> None:
        self._at[account] = at_ns
        self._storage.arm_deadman(account, at_ns)

    def disarm(self, account: str) -> None:
        if self._at.pop(account, None) is not None:
            self._storage.disarm_deadman(account)

    def next_due(self) -> int | None:
        return min(self._at.values(), default=None)

    def pop(self) -> str:
        """Disarm the account whose time comes first."""
        account = min(self._at, key=lambda one: (self._at[one], one))
        self.disarm(account)
        return account
