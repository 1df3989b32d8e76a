"""The form of a request of the permission matrix: the smallest sound one of a line of the table.

``done`` is the status that it ends with when it is let in. Names in ``things`` are those of
World.things, in ``own`` of World.own; a body that depends on who asks is a function of both.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from console.access.matrix.rows import Caller
from tests.console.access.matrix.world import OWN, World

Body = Mapping[str, Any] | Callable[[World, Caller | None], Mapping[str, Any]]
Key = tuple[str, str, str]
DEFAULTS = {
    "stage": "feed", "strategy": OWN, "key": OWN, "hold_id": "a pause", "approval_id": "request",
    "scheduled_id": "planned", "session_id": "session", "token_id": "token", "object_id": "person",
    "username": "lena.fischer", "scope": f"strategy:{OWN}", "kind": "order-notional",
    "leave_id": "leave", "use_id": "use", "escalation_id": "alert", "review_id": "review",
    "entry_id": "entry", "view_id": "1", "trigger": "drawdown",
    "ident": "c-1", "engine": OWN,
}  # fmt: skip
"""What stands for a parameter of an address: a thing's name, or itself."""


@dataclass(frozen=True)
class Sample:
    body: Body = field(default_factory=dict)
    done: tuple[int, ...] = (200,)
    things: Mapping[str, str] = field(default_factory=dict)
    query: str = ""
    own: Mapping[str, str] = field(default_factory=dict)

    def said(self, world: World, caller: Caller | None) -> dict[str, Any]:
        return dict(self.body(world, caller) if callable(self.body) else self.body)

    def arguments(self, world: World, caller: Caller | None) -> dict[str, str]:
        found = {
            name: world.things.get(value, value)
            for name, value in {**DEFAULTS, **self.things}.items()
        }
        for name, what in self.own.items():
            found[name] = world.own[what][caller or Caller.RISK]
        return found


WHY = {"reason": "tests"}
LED_ON = (303,)
