"""Faults on demand, one set an account. Kept in memory: a restarted venue is well again."""

from dataclasses import asdict, dataclass

from trading.papervenue.money import NANO
from trading.papervenue.orders import Refusal
from trading.papervenue.protocol import Fault

ALL = -1
MS = 1_000_000


@dataclass(slots=True)
class AccountFaults:
    """Counts go down as they are used; -1 is never used up. Times are wall nanoseconds."""

    reject: int = 0
    reject_code: str = "VENUE_REJECT"
    delay_ns: int = 0
    answer_delay_ns: int = 0
    drop_answers: int = 0
    disconnect_after: int = 0
    stalled_until_ns: int = 0
    fill_fraction: float | None = None

    def order(self, wanted: Fault, now_ns: int) -> None:
        """Set what ``wanted`` names."""
        for name in ("reject", "reject_code", "drop_answers", "disconnect_after", "fill_fraction"):
            value = getattr(wanted, name)
            if value is not None:
                setattr(self, name, value)
        if wanted.delay_ms is not None:
            self.delay_ns = int(wanted.delay_ms * MS)
        if wanted.answer_delay_ms is not None:
            self.answer_delay_ns = int(wanted.answer_delay_ms * MS)
        if wanted.stall_s is not None:
            self.stalled_until_ns = now_ns + int(wanted.stall_s * NANO)

    def refusal(self) -> Refusal | None:
        """The refusal this order is to get, if any."""
        if not self.reject:
            return None
        if self.reject != ALL:
            self.reject -= 1
        return Refusal(self.reject_code, "refused by a fault set on this account")

    def drops(self) -> bool:
        """Whether nothing is to be said about this create or cancel."""
        if not self.drop_answers:
            return False
        if self.drop_answers != ALL:
            self.drop_answers -= 1
        return True

    def disconnects(self) -> bool:
        """Count one message; whether the connection is to break with it."""
        if not self.disconnect_after:
            return False
        self.disconnect_after -= 1
        return not self.disconnect_after


class FaultBoard:
    """The faults of every account."""

    def __init__(self) -> None:
        self._of: dict[str, AccountFaults] = {}
        self._none = AccountFaults()

    def of(self, account: str) -> AccountFaults:
        return self._of.get(account, self._none)

    def order(self, wanted: Fault, now_ns: int) -> None:
        self._of.setdefault(wanted.account, AccountFaults()).order(wanted, now_ns)

    def clear(self, account: str | None) -> None:
        """Clear one account's faults, or all."""
        if account is None:
            self._of.clear()
        else:
            self._of.pop(account, None)

    def fill_caps(self) -> dict[str, int]:
        """Account -> most of an order that fills, in 1e-9."""
        return {
            account: int(faults.fill_fraction * NANO)
            for account, faults in self._of.items()
            if faults.fill_fraction is not None
        }

    def body(self) -> dict[str, object]:
        return {account: asdict(faults) for account, faults in self._of.items()}
