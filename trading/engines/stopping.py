"""What of a document or a patch is a stop. Pure, and lenient: nothing else in it can hinder it."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from riskctl.holds import Kind
from trading.engines.composing import Sketch, scalars_at, sketched
from trading.engines.schema import EMERGENCY_STOP, PAUSED

_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._\-]{0,60}")
_NOTHING = re.compile(r"[-+]?(0+(\.0*)?|\.0+)\s*%?")
"""Zero however it is written: strict reading refuses most of these, and each means one thing."""
_BETWEEN = re.compile(r"[-_\s]+")


def _plain(phase: str) -> str:
    """However it is written: ``emergency-stop`` and ``EmergencyStop`` can mean one thing only."""
    return _BETWEEN.sub("", phase).casefold()


_PHASES = {_plain(EMERGENCY_STOP): Kind.KILL, _plain(PAUSED): Kind.PAUSE}
_RISK_LIMIT = ("spec", "strategy", "riskLimit")
_WHERE = (("status", "phase"), ("spec", "strategy", "phase"), _RISK_LIMIT)


@dataclass(frozen=True, slots=True)
class StopWished:
    """``why``: the field and its value, recorded as the hold's reason."""

    strategy: str
    kind: Kind
    why: str

    @property
    def scope(self) -> str:
        return f"strategy:{self.strategy}"


def stop_in_patch(strategy: str, patch: Any) -> StopWished | None:
    """The strictest stop that ``patch`` wishes on ``strategy``."""
    return _strictest(strategy, ((path, _in(patch, path)) for path in _WHERE))


def stop_in_document(raw: bytes | str) -> StopWished | None:
    """The strictest stop that a document wishes, as far as it can be made out: all else in it may
    be wrong. Of several documents in one file, that of the first that wishes one."""
    wished = (_stop_in(root) for root in sketched(raw))
    return next((one for one in wished if one is not None), None)


def _stop_in(root: Sketch) -> StopWished | None:
    names = [one for one in scalars_at(root, ("metadata", "name")) if _KEY.fullmatch(one)]
    if not names:
        return None
    said = ((path, value) for path in _WHERE for value in scalars_at(root, path))
    return _strictest(names[0], said)


def read_patch(text: str) -> dict[str, Any]:
    """A patch from its JSON. Raises ValueError saying what it must be."""
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise ValueError(f"it is no JSON ({problem}): write an object such as {EXAMPLE}") from None
    if not isinstance(given, dict):
        raise ValueError(f"it must be an object such as {EXAMPLE}")
    return given


def only_stops(patch: Mapping[str, Any]) -> bool:
    """Whether a patch that stops has nothing else in it: nothing to validate or to keep.

    A riskLimit above nothing is a limit to be lowered, also beside a phase that stops.
    """
    spec = patch.get("spec", {"strategy": {}})
    strategy = spec.get("strategy") if isinstance(spec, Mapping) else None
    return (
        set(patch) <= {"status", "spec"}
        and isinstance(strategy, Mapping)
        and set(spec) == {"strategy"}
        and set(strategy) <= {"riskLimit", "phase"}
        and ("riskLimit" not in strategy or _kind(_RISK_LIMIT, strategy["riskLimit"]) is not None)
    )


EXAMPLE = '{"spec":{"strategy":{"riskLimit":"0.1%"}}}'


def _strictest(strategy: str, said: Iterator[tuple[tuple[str, ...], Any]]) -> StopWished | None:
    found = [
        StopWished(strategy, kind, f"TradingEngine {strategy}: {'.'.join(path)} {value}")
        for path, value in said
        if (kind := _kind(path, value)) is not None
    ]
    return min(found, key=lambda one: one.kind is not Kind.KILL, default=None)


def _kind(path: tuple[str, ...], value: Any) -> Kind | None:
    if not isinstance(value, str):
        return Kind.KILL if _is_nothing(path, value) else None
    if path != _RISK_LIMIT:
        return _PHASES.get(_plain(value))
    return Kind.KILL if _NOTHING.fullmatch(value.strip()) else None


def _is_nothing(path: tuple[str, ...], value: Any) -> bool:
    """A risk limit of the bare number 0 is no percentage, and can mean one thing only."""
    number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    return path == _RISK_LIMIT and number and value == 0


def _in(given: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        given = given.get(name) if isinstance(given, Mapping) else None
    return given
