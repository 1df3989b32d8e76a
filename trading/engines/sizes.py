"""How large a position a document means. Pure."""

from decimal import ROUND_FLOOR, Decimal

from trading.engines.problems import EngineInvalidError, error
from trading.engines.reading import EngineConfig

ROOM = Decimal(2) / 3
"""Of what limits take, a target that is not given: prices move while a position is held."""
_CENT = Decimal("0.01")


def size_for(config: EngineConfig, gross: Decimal, order: Decimal, symbols: int) -> Decimal:
    """USD per instrument. ``order``: the firm's limit of one order. Raises EngineInvalidError."""
    most = min(config.max_position, gross / symbols, order / 2)
    size = (most * ROOM if config.target is None else min(config.target, most)).quantize(
        _CENT, ROUND_FLOOR
    )
    if size <= 0:
        line = config.line_of("spec.strategy.riskLimit")
        text = "leaves less than a cent to hold: raise it, or trade fewer instruments"
        raise EngineInvalidError([error(line, "spec.strategy.riskLimit", text)])
    return size
