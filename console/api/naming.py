"""What a scope may name, and which hold a repeated key means."""

import threading
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from console.access.visible import NOTHING, Sight
from console.api.problems import NoSuchError
from riskctl.actors import Actor
from riskctl.clock import MS, boot_ns
from riskctl.holds import Kind, Mode, check_scope, slug
from riskctl.models import HoldLift
from riskctl.receipts import Receipt, receipt_read
from trading.models import Strategy, VenueAccount
from trading.universe import UNIVERSE

_NAMESPACE = uuid.UUID("c1b6f7b5-51c0-5d2c-8a4f-2f0a4f1d9e57")
_SHOWN = 40


def scope_exists(scope: str, sight: Callable[[], Sight] = lambda: NOTHING) -> None:
    """Raises NoSuchError naming what there is, riskctl.holds.ScopeError, db.Error.

    ``sight``: how much the caller may see, asked only when strategies are to be named.
    """
    check_scope(scope)
    kind, _, name = scope.partition(":")
    if kind == "instrument":
        _among("instrument", name, [one.symbol for one in UNIVERSE.instruments])
    elif kind == "strategy":
        if not Strategy.objects.filter(key=name).exists():
            seen = sight().narrowed(Strategy.objects.all(), "key")
            _among("strategy", name, seen.values_list("key", flat=True))
    elif kind == "venue":
        rows = VenueAccount.objects.values_list("name", "venue")
        _among("venue", name, {word for account, venue in rows for word in (account, slug(venue))})


def _among(what: str, name: str, there: Iterable[str]) -> None:
    known = sorted(there)
    if name not in known:
        shown = ", ".join(known[:_SHOWN]) or "none"
        raise NoSuchError(f"There is no {what} '{name}'. There are: {shown}.")


@dataclass(frozen=True, slots=True)
class StopKey:
    """A caller's key, bound to what exactly it stops."""

    actor: Actor
    path: str
    key: str
    scope: str
    kind: Kind
    mode: Mode | None
    protective_too: bool = False
    """A stop that asks for more than the one before under its key is another one."""

    def ident(self, lifted: int) -> uuid.UUID:
        """The hold's id once ``lifted`` earlier ones under this key were lifted."""
        parts = (
            self.actor.kind, self.actor.name, self.path, self.key, self.scope, self.kind,
            self.mode or "", str(lifted), *(["protective-too"] if self.protective_too else []),
        )  # fmt: skip
        return uuid.uuid5(_NAMESPACE, "\x1f".join(parts))


AGAIN_NS = 5_000 * MS
"""How long a key repeated in this process, without the database, means the hold it placed.

No longer: a hold that was lifted since would swallow the stop. Another hold too many is harmless.
"""


class Away:
    """Holds placed under a key while the database could not say whether earlier ones were lifted.

    They have ids of their own: under the key's first id a stop could be taken for one that was
    lifted long ago, and be forgotten.
    """

    def __init__(self, clock: Callable[[], int] = boot_ns) -> None:
        self._ids: dict[uuid.UUID, tuple[uuid.UUID, int]] = {}
        self._lock = threading.Lock()
        self._clock = clock

    def place(self, key: StopKey) -> uuid.UUID:
        """The id to place under now."""
        first, now = key.ident(0), self._clock()
        with self._lock:
            known = self._ids.get(first)
            if known is None or now - known[1] >= AGAIN_NS:
                known = self._ids[first] = (uuid.uuid4(), now)
            return known[0]

    def known(self, key: StopKey) -> uuid.UUID | None:
        """The last one placed under the key, however long ago."""
        known = self._ids.get(key.ident(0))
        return known[0] if known else None

    def forget(self, key: StopKey) -> None:
        with self._lock:
            self._ids.pop(key.ident(0), None)


AWAY = Away()


@dataclass(frozen=True, slots=True)
class Known:
    """Under which id to place; ``receipt`` of the hold that is open under it already."""

    hold_id: uuid.UUID | None
    receipt: Receipt | None


def known_under(key: StopKey, *, away: Away = AWAY) -> Known:
    """The hold that this key means now. Raises db.Error."""
    if not key.key:
        return Known(None, None)
    found = away.known(key)
    if found is not None and _lifted(found):
        away.forget(key)
        found = None
    if found is None:
        found = _first_open(key.ident)
    return Known(found, receipt_read(found))


def _first_open(ident: Callable[[int], uuid.UUID]) -> uuid.UUID:
    lifted = 0
    while _lifted(ident(lifted)):
        lifted += 1
    return ident(lifted)


def _lifted(hold_id: uuid.UUID) -> bool:
    return HoldLift.objects.filter(hold_id=hold_id).exists()
