"""The gateway's word on every slot of a shard, and which slots need a look."""

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal

import numpy as np

from trading.messages import BookSnapshot, OpenOrder, OrderUpdate
from trading.strategies.slot import Slot
from trading.strategies.stack import Member, Stack

_NOTHING = (Decimal(0), Decimal(0))


class Views:
    """Slots by number and by name; those not settled; accounts whose book was seen.

    A position found before its strategy has an opinion (after a restart) is *adopted*: the
    strategy starts in that direction, and when it is warm keeps or leaves it by its own rule.
    """

    def __init__(self, stacks: Sequence[Stack]) -> None:
        self._slots: list[Slot] = []
        self._owners: list[tuple[Stack, int]] = []
        for stack in stacks:
            for row, member in enumerate(stack.members):
                self._slots += member.slots.values()
                self._owners += [(stack, row)] * len(member.slots)
        self._by_name = {(one.strategy, one.instrument.symbol): one for one in self._slots}
        self._by_account: dict[str, list[Slot]] = defaultdict(list)
        for one in self._slots:
            self._by_account[one.account].append(one)
        self._active: set[int] = set()
        self._adopted: set[int] = set()
        self._known: set[str] = set()

    def member_of(self, slot: Slot) -> Member:
        stack, row = self._owners[slot.number]
        return stack.members[row]

    @property
    def accounts(self) -> list[str]:
        """Venue accounts that strategies here trade on."""
        return list(self._by_account)

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
            elif slot.account in self._known:
                found.append(slot)
        return found

    def heard(self, update: OrderUpdate, clock_ns: int) -> None:
        """An order of ours moved; orders of other shards are not for us."""
        slot = self._by_name.get((update.strategy, update.symbol))
        if slot is not None and slot.account == update.account:
            slot.heard(update, clock_ns)
            self._changed(slot)

    def told(self, book: BookSnapshot, clock_ns: int) -> None:
        """All that a gateway holds: what it does not name is zero."""
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
            self._changed(slot)

    def forget(self) -> None:
        """No account's book is known any more."""
        self._known.clear()
        for slot in self._slots:
            slot.forget()

    def restart(self) -> None:
        """Strategies know no prices any more: what they hold is adopted anew."""
        for slot in self._slots:
            slot.restart()
            self._changed(slot)

    def decide_adopted(self) -> None:
        """Give a target to adopted slots whose strategy is warm by now."""
        for number in sorted(self._adopted):
            slot = self._slots[number]
            stack, row = self._owners[number]
            if slot.target is None:
                if not stack.kernel.warm[slot.instrument.id, row]:
                    continue
                keeps = stack.kernel.direction[slot.instrument.id, row] != 0
                slot.aim(slot.position if keeps else Decimal(0), "", urgent=False)
                self._active.add(number)
            self._adopted.discard(number)

    def _changed(self, slot: Slot) -> None:
        if not slot.settled:
            self._active.add(slot.number)
        if slot.target is None and (slot.view or slot.position):
            self._adopted.add(slot.number)
            stack, row = self._owners[slot.number]
            if not stack.kernel.warm[slot.instrument.id, row]:
                sign = float(np.sign(float(slot.position)))
                stack.kernel.direction[slot.instrument.id, row] = sign
