"""The gateway's word on every slot of a shard, and which slots need a look."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from decimal import Decimal

import numpy as np

from trading.messages import BookSnapshot, OpenOrder, OrderUpdate
from trading.strategies.slot import Leg, Slot
from trading.strategies.stack import Member, Stack

_NOTHING = (Decimal(0), Decimal(0))
KEEPS = Decimal("0.9")
"""Of what is found at a start only what is clearly beyond its size goes: prices moved since."""


class Views:
    """Slots by number and by name; those not settled; accounts whose book was seen.

    A position found before its strategy has an opinion (after a restart) is *adopted*: the
    strategy starts in that direction, and when it is warm keeps or leaves it by its own rule. What
    is beyond its size goes before that. Legs are looked at by their pair, both together.
    """

    def __init__(self, stacks: Sequence[Stack]) -> None:
        self._slots: list[Slot] = []
        self._owners: list[tuple[Stack, int]] = []
        for stack in stacks:
            for row, member in enumerate(stack.members):
                self._slots += member.slots.values()
                self._owners += [(stack, row)] * len(member.slots)
        # By the numbers of now: slots that go on elsewhere get others.
        self._names = [(one.strategy, one.instrument.symbol) for one in self._slots]
        self._by_name = {(one.strategy, one.instrument.symbol): one for one in self._slots}
        self._by_account: dict[str, list[Slot]] = defaultdict(list)
        for one in self._slots:
            self._by_account[one.account].append(one)
        self._active: set[int] = set()
        self._adopted: set[int] = set()
        self._known: set[str] = set()
        self._waiting: set[int] = set()
        self._strays: dict[str, list[tuple[str, str, str]]] = {}

    def take_over(self, before: "Views", fresh: Sequence[Slot]) -> None:
        """Go on with what ``before`` knows; nothing is ordered for ``fresh`` before the next book
        of its account."""
        new = {one.number for one in fresh}
        self._known = before._known
        self._strays = before._strays
        kept = [one for one in self._slots if one.number not in new]
        names = {one.number: (one.strategy, one.instrument.symbol) for one in self._slots}
        numbers = {names[one.number]: one.number for one in kept}
        self._active, self._adopted, self._waiting = (
            {numbers[name] for name in some if name in numbers}
            for some in (
                before._named(before._active), before._named(before._adopted),
                before._named(before._waiting),
            )
        )  # fmt: skip
        self._waiting |= new
        for slot in fresh:
            self.changed(slot)

    def _named(self, numbers: set[int]) -> list[tuple[str, str]]:
        return [self._names[one] for one in numbers]

    def member_of(self, slot: Slot) -> Member:
        stack, row = self._owners[slot.number]
        return stack.members[row]

    def knows(self, slot: Slot) -> bool:
        """Whether the book of its account is known."""
        return slot.account in self._known and slot.number not in self._waiting

    def owner_of(self, slot: Slot) -> tuple[Stack, int]:
        """The stack of its strategy, and which row of it that is."""
        return self._owners[slot.number]

    @property
    def accounts(self) -> list[str]:
        """Venue accounts that strategies here trade on."""
        return [account for account, slots in self._by_account.items() if slots]

    @property
    def slots(self) -> Sequence[Slot]:
        return self._slots

    def move(self, slot: Slot, account: str) -> None:
        """``slot`` trades on another account: nothing is ordered before that one's next book."""
        self._by_account[slot.account].remove(slot)
        self._by_account[account].append(slot)
        slot.account = account
        slot.told(Decimal(0), Decimal(0), [], 0)
        slot.most = None
        slot.forget()
        self._waiting.add(slot.number)

    def take_strays(self) -> list[tuple[str, str, str]]:
        """(account, strategy, order) of open orders of ours where their strategy does not trade.

        As of each account's last book, each once a book.
        """
        if not self._strays:
            return []
        found = [one for strays in self._strays.values() for one in strays]
        self._strays = {}
        return found

    def touch(self, slot: Slot) -> None:
        """Something about this slot changed."""
        self._active.add(slot.number)

    def unsettled(self) -> list[Slot]:
        """Slots to look at, of accounts whose book is known, in the order of their numbers."""
        if not self._known or not self._active:
            return []
        found = []
        for number in sorted(self._active):
            slot = self._slots[number]
            if slot.settled:
                self._active.discard(number)
            elif slot.account in self._known and number not in self._waiting:
                found.append(slot)
        return found

    def heard(self, update: OrderUpdate, clock_ns: int) -> None:
        """An order of ours moved; orders of other shards are not for us."""
        slot = self._by_name.get((update.strategy, update.symbol))
        if slot is not None and slot.account == update.account:
            slot.heard(update, clock_ns)
            self.changed(slot)

    def told(self, book: BookSnapshot, clock_ns: int) -> None:
        """All that a gateway holds: what it does not name is zero."""
        self._find_strays(book)
        slots = self._by_account.get(book.account)
        if slots is None:
            return
        held = {(one.strategy, one.symbol): (one.position, one.in_flight) for one in book.holdings}
        orders: dict[tuple[str, str], list[OpenOrder]] = defaultdict(list)
        for one in book.open_orders:
            orders[one.strategy, one.symbol].append(one)
        self._known.add(book.account)
        for slot in slots:
            name = (slot.strategy, slot.instrument.symbol)
            slot.told(*held.get(name, _NOTHING), orders.get(name, []), clock_ns)
            self._waiting.discard(slot.number)
            self.changed(slot)

    def _find_strays(self, book: BookSnapshot) -> None:
        self._strays.pop(book.account, None)
        found = []
        for one in book.open_orders:
            slot = self._by_name.get((one.strategy, one.symbol))
            if slot is not None and slot.account != book.account:
                found.append((book.account, one.strategy, one.client_order_id))
        if found:
            self._strays[book.account] = found

    def forget(self) -> None:
        """No account's book is known any more."""
        self._known.clear()
        for slot in self._slots:
            slot.forget()

    def restart(self) -> None:
        """Strategies know no prices any more: what they hold is adopted anew."""
        for slot in self._slots:
            slot.restart()
            self.changed(slot)

    def decide_adopted(self, size_of: Callable[[Slot], Decimal | None]) -> None:
        """Give a target to adopted slots whose strategy is warm by now; the others are brought down
        to ``size_of`` them, in lots, None before their first price."""
        for number in sorted(self._adopted):
            slot = self._slots[number]
            stack, row = self._owners[number]
            if slot.target is None:
                self._look_at_size(slot, size_of)
                if slot.most is None or not stack.kernel.warm[slot.instrument.id, row]:
                    continue
                keeps = stack.kernel.direction[slot.instrument.id, row] * float(slot.position) > 0
                lots = min(abs(slot.position), slot.most)
                slot.aim(lots.copy_sign(slot.position) if keeps else Decimal(0), "", urgent=False)
                self._active.add(number)
            self._adopted.discard(number)

    def _look_at_size(self, slot: Slot, size_of: Callable[[Slot], Decimal | None]) -> None:
        """Once, and again when its size changes: prices alone cut nothing."""
        if slot.most is not None or not self.knows(slot):
            return
        size, held = size_of(slot), max(abs(slot.position), abs(slot.view))
        if size is not None:
            slot.most = size if size < KEEPS * held else max(size, held)
            self._active.add(slot.number)

    def changed(self, slot: Slot) -> None:
        """Look at it again, and adopt a position that its strategy has no opinion on yet."""
        if not slot.settled:
            self._active.add(slot.number)
        if isinstance(slot, Leg):
            return
        if slot.target is None and (slot.view or slot.position):
            self._adopted.add(slot.number)
            stack, row = self._owners[slot.number]
            if not stack.kernel.warm[slot.instrument.id, row]:
                sign = float(np.sign(float(slot.position)))
                stack.kernel.direction[slot.instrument.id, row] = sign
