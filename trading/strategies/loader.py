"""Reads a shard's strategies from the database."""

from decimal import Decimal

import structlog

from trading.models import Strategy
from trading.strategies.parameters import (
    ArbitrageParameters,
    ParameterError,
    read_parameters,
)
from trading.strategies.sizing import lots_for
from trading.strategies.specs import StrategySpec
from trading.universe import Universe

log = structlog.get_logger("haltline.shard")

LEGS = 2


class StrategyError(ValueError):
    """A strategy cannot run as it is stored; the text names it and the field."""


def load_strategies(shard: int, universe: Universe) -> list[StrategySpec]:
    """The strategies of ``shard`` in the order of their keys.

    One that is unfit to run is logged and left out: the others trade. Raises
    django.db.OperationalError when the database does not answer.
    """
    specs: list[StrategySpec] = []
    for row in Strategy.objects.filter(shard=shard).order_by("key"):
        try:
            specs.append(spec_of(row, universe))
        except StrategyError as error:
            log.error("strategy left out", strategy=row.key, error=str(error))
    return specs


def spec_of(row: Strategy, universe: Universe) -> StrategySpec:
    """``row`` as the engine wants it. Raises StrategyError."""
    if not isinstance(row.symbols, list) or not row.symbols:
        raise StrategyError(f"{row.key}: symbols must be a list of at least one symbol")
    unknown = [str(one) for one in row.symbols if one not in universe]
    if unknown:
        raise StrategyError(f"{row.key}: symbols: {', '.join(unknown)} not in the universe")
    if not isinstance(row.parameters, dict):
        raise StrategyError(f"{row.key}: parameters must be an object, not {row.parameters!r}")
    if row.size_notional <= 0:
        raise StrategyError(f"{row.key}: size_notional must be above 0, not {row.size_notional}")
    try:
        parameters = read_parameters(row.kind, row.parameters)
    except ParameterError as error:
        raise StrategyError(f"{row.key}: parameters: {error}") from None
    if isinstance(parameters, ArbitrageParameters) and len(set(row.symbols)) != LEGS:
        raise StrategyError(f"{row.key}: symbols: arbitrage trades two instruments, no more")
    spec = StrategySpec(
        key=row.key,
        kind=row.kind,
        account=row.account_id,
        symbols=tuple(row.symbols),
        parameters=parameters,
        size_notional=Decimal(row.size_notional),
        second_account=row.second_account_id or "",
    )
    _warn_of_small_size(spec, universe)
    return spec


def _warn_of_small_size(spec: StrategySpec, universe: Universe) -> None:
    for symbol in spec.symbols:
        instrument = universe.by_symbol(symbol)
        if not lots_for(spec.size_notional, instrument.reference_price, instrument):
            log.warning(
                "size is less than one lot: it will not trade",
                strategy=spec.key,
                symbol=symbol,
                size_notional=str(spec.size_notional),
            )
