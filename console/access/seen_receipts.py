"""A receipt as somebody may read it who does not see all that its hold is about.

The firm's holds are for everybody; orders of strategies on other desks are not. Such an order keeps
its place, so that every count stays true, and loses its name. A step that lost one is shown without
the text that was signed; its signature was over the whole of it.
"""

import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from console.access.visible import Sight
from riskctl.receipts import Receipt, SignedStep
from trading.models import Order

_ORDERS = ("order", "orders", "in_flight")
"""Facts that name orders; ``orders`` of some steps is how many."""


def receipt_seen(receipt: Receipt, sight: Sight) -> Receipt:
    """``receipt`` as ``sight`` allows. Raises db.Error."""
    if sight.sums(receipt.hold.scope):
        return receipt
    named = {ident for step in receipt.steps for ident in _named(step.facts)}
    rows = sight.narrowed(Order.objects.filter(client_order_id__in=named))
    shown = set(rows.values_list("client_order_id", flat=True))
    numbers = itertools.count(1)
    words = {one: f"another desk's order {next(numbers)}" for one in sorted(named - shown)}
    steps = tuple(_reduced(one, lambda ident: words.get(ident, ident), sight)
                  for one in receipt.steps)  # fmt: skip
    return replace(receipt, steps=steps)


def _named(facts: Mapping[str, Any]) -> Iterable[str]:
    for name in _ORDERS:
        value = facts.get(name)
        if isinstance(value, str):
            yield value
        elif isinstance(value, list):
            yield from map(str, value)


def _reduced(step: SignedStep, word: Callable[[str], str], sight: Sight) -> SignedStep:
    facts: dict[str, Any] = {}
    for name, value in step.facts.items():
        if name in _ORDERS and isinstance(value, str):
            facts[name] = word(value)
        elif name in _ORDERS and isinstance(value, list):
            facts[name] = [word(str(one)) for one in value]
        elif name == "positions":
            facts[name] = [one for one in value if sight.sees_scope(f"instrument:{one['symbol']}")]
        else:
            facts[name] = value
    if facts == step.facts:
        return step
    return replace(step, said={**step.said, "facts": facts}, whole=False)
