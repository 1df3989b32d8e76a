"""The holds one gateway knows, and what they mean for an order. Pure.

A hold is learnt from a reading of the database or from the control socket and stays until a
reading shows its lift; nothing else makes it go. What it forbids is forbidden from the moment it
is learnt.
"""

from dataclasses import dataclass, field

from riskctl.holds import FIRM, HoldFact, Mode, Scopes, scopes_of, strictest
from riskctl.licence import Reading
from riskctl.rules import Denial
from trading.gateway.book import LiveOrder


@dataclass(frozen=True, slots=True)
class Learnt:
    """What a reading changed. ``unwritten``: holds we know and the database does not."""

    new: list[HoldFact] = field(default_factory=list)
    lifted: list[HoldFact] = field(default_factory=list)
    unwritten: list[HoldFact] = field(default_factory=list)


class HoldBook:
    """Open holds by id. ``changed``: when each scope's last hold or lift was learnt, boot ns.

    On a ``rehearsal`` account (paper, where strategies climb back) a hold of the firm, a strategy
    or an instrument counts only when it is FROZEN: it stops the strategy's own account.
    """

    def __init__(
        self, account: str, venue: str = "", since_boot_ns: int = 0, *, rehearsal: bool = False
    ) -> None:
        self._rehearsal = rehearsal
        self._account = account
        self._venue = venue or account
        self.open: dict[str, HoldFact] = {}
        self.changed: dict[str, int] = {FIRM: since_boot_ns} if since_boot_ns else {}

    def learn(self, hold: HoldFact, now_boot_ns: int) -> bool:
        """Know ``hold`` from now on; false when it was known."""
        if hold.id in self.open:
            return False
        self.open[hold.id] = hold
        self.changed[hold.scope] = now_boot_ns
        return True

    def on_reading(self, reading: Reading, now_boot_ns: int) -> Learnt:
        """Take what a reading says of holds."""
        lifted = [self.open[one] for one in reading.lifted if one in self.open]
        for hold in lifted:
            del self.open[hold.id]
            self.changed[hold.scope] = now_boot_ns
        new = [one for one in reading.holds if self.learn(one, now_boot_ns)]
        written = {one.id for one in reading.holds}
        unwritten = [one for one in self.open.values() if one.id not in written]
        return Learnt(new, lifted, unwritten)

    def scopes(self, strategy: str = "", symbol: str = "") -> Scopes:
        return scopes_of(self._account, self._venue, strategy, symbol)

    def on(self, strategy: str = "", symbol: str = "") -> list[HoldFact]:
        """The open holds that apply to an order of ``strategy`` in ``symbol`` here."""
        scopes = self.scopes(strategy, symbol)
        return [one for one in self.open.values() if scopes.applies(one) and self._counts(one)]

    def _counts(self, hold: HoldFact) -> bool:
        return not self._rehearsal or hold.mode is Mode.FROZEN or hold.scope.startswith("venue:")

    def mode(self, strategy: str = "", symbol: str = "") -> Mode:
        found = strictest(self.on(strategy, symbol))
        return found.mode if found else Mode.ACTIVE

    def covers(self, hold: HoldFact, strategy: str, symbol: str) -> bool:
        """Whether ``hold`` lies on a scope of an order of ``strategy`` in ``symbol`` here."""
        return self._counts(hold) and self.scopes(strategy, symbol).applies(hold)

    def denial(self, order: LiveOrder) -> Denial | None:
        """Why a hold forbids this order outright; REDUCE-ONLY is judged where positions are."""
        if not self.open:
            return None
        found = strictest(self.on(order.strategy, order.symbol))
        if found is None or found.mode is Mode.REDUCE_ONLY:
            return None
        if order.warrant and found.mode is not Mode.FROZEN:
            return None
        return Denial("HELD", f"{found.mode}: {found.kind} on {found.scope}, {found.reason}"[:300])

    def stale_denial(self, order: LiveOrder) -> Denial | None:
        """Refuse what was wanted before a hold or a lift of its scopes: wishes are not kept."""
        if not self.changed or order.warrant:
            return None
        scopes = self.scopes(order.strategy, order.symbol).names
        last = max((at for scope, at in self.changed.items() if scope in scopes), default=-1)
        if order.born_boot_ns > last:
            return None
        return Denial("BEFORE_HOLD", "it was wanted before the last hold or lift of its scope")
