"""How a document trades, as one digest: what gates are bound to. Pure.

Size, limits, phase, labels and alerts are not in it, else each raise would begin anew.
"""

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from audit.canonical import canonical_bytes
from trading.engines.reading import Bound, EngineConfig
from trading.strategies.parameters import read_parameters


def trades_digest(config: EngineConfig) -> str:
    """SHA-256 of type, instruments, parameters with their defaults, and risk controls."""
    return _digest(config.kind, config.instruments, config.parameters, _controls(config))


def desk_digest(
    kind: str, symbols: Sequence[str], parameters: Mapping[str, Any], config: EngineConfig
) -> str:
    """The same of what the desk has of the strategy, under the risk controls of ``config``."""
    return _digest(kind, symbols, parameters, _controls(config))


def _digest(
    kind: str, symbols: Sequence[str], parameters: Mapping[str, Any], controls: Mapping[str, Any]
) -> str:
    read = dataclasses.asdict(read_parameters(kind, parameters))
    body = {
        "type": kind,
        "instruments": list(symbols),
        # Floats have no canonical form: they stand there as their text.
        "parameters": {name: repr(value) for name, value in read.items()},
        "riskControls": controls,
    }
    return hashlib.sha256(canonical_bytes(body)).hexdigest()


def _controls(config: EngineConfig) -> dict[str, Any]:
    return {"stopLoss": _bound(config.stop_loss), "drawdownLimit": _bound(config.drawdown)}


def _bound(one: Bound | None) -> dict[str, Any] | None:
    if one is None or not one.enabled:
        return None
    return {"share": f"{one.share.normalize():f}", "seconds": f"{one.seconds.normalize():f}"}
