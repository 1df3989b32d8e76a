"""A TradingEngine document as it is meant, or everything that is wrong with it. Pure."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import yaml

from audit.canonical import canonical_bytes
from trading.engines.composing import compose
from trading.engines.conditions import Condition
from trading.engines.problems import EngineInvalidError, error
from trading.engines.schema import DOCUMENT
from trading.engines.shapes import Read, nearest_line
from trading.strategies.parameters import DEFAULTS, Parameters, parameter_errors, read_parameters
from trading.universe import UNIVERSE

LEGS = 2


@dataclass(frozen=True, slots=True)
class Alert:
    name: str
    condition: Condition
    severity: str


@dataclass(frozen=True, slots=True)
class Bound:
    """``stopLoss`` or ``drawdownLimit``: a share of capital, over so many seconds."""

    enabled: bool
    share: Decimal
    seconds: Decimal


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """What a document says. ``document``: as written, JSON; ``lines`` of its fields by path.

    ``parameters``: as written; ``read``: those with their defaults, None for a kind that this
    desk does not run.
    """

    name: str
    kind: str
    risk_limit: Decimal
    max_position: Decimal
    frequency: str
    instruments: tuple[str, ...]
    account: str
    second_account: str
    target: Decimal | None
    parameters: Mapping[str, float]
    read: Parameters | None
    markets: tuple[str, ...]
    target_latency: Decimal | None
    stop_loss: Bound | None
    drawdown: Bound | None
    regulations: tuple[str, ...]
    off: tuple[str, ...]
    alerts: tuple[Alert, ...]
    document: Mapping[str, Any]
    lines: Mapping[str, int]

    def line_of(self, path: str) -> int:
        """Of the field, or of the nearest that there is above it; 0 of none."""
        return nearest_line(self.lines, path)


def read_engine(raw: bytes | str) -> EngineConfig:
    """Raises EngineInvalidError with every problem found."""
    into = Read()
    written, meant = DOCUMENT.read(compose(raw), "", into)
    _check_whole(meant or {}, into)
    if into.problems:
        raise EngineInvalidError(sorted(into.problems, key=lambda one: one.line))
    return _config(written, meant, into.lines)


def read_document(document: Mapping[str, Any]) -> tuple[str, EngineConfig]:
    """As ``read_engine``, from JSON; and the YAML that it comes to, which lines are of."""
    text = yaml.dump(dict(document), Dumper=_Plain, sort_keys=False, allow_unicode=True, width=100)
    return text, read_engine(text)


class _Plain(yaml.SafeDumper):
    """Writes what is said twice out twice."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def digest_of(document: Mapping[str, Any]) -> str:
    """SHA-256 of what a document says: the same for another order, other comments and quotes.

    Parameters are floats, which canonical bytes refuse: they stand there as their text.
    """
    return hashlib.sha256(canonical_bytes(_texts(document))).hexdigest()


def _texts(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _texts(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_texts(one) for one in value]
    return repr(value) if isinstance(value, float) else value


# Beyond single fields ----------------------------------------------------------------------------
# Of what could be read: a field that is wrong by itself, or missing, is told already.


def _check_whole(meant: Mapping[str, Any], into: Read) -> None:
    spec = meant.get("spec") or {}
    strategy = spec.get("strategy") or {}
    symbols = strategy.get("instruments") or []
    _check_parameters(strategy, into)
    _check_instruments(symbols, into)
    _check_legs(strategy, into)
    _check_markets(symbols, spec.get("markets") or [None], into)
    names = [one and one.get("name") for one in spec.get("alerts") or []]
    for at, name in enumerate(names):
        if name and name in names[:at]:
            _refuse(into, f"spec.alerts[{at}].name", f"{name!r} stands there twice: rename one")


def _check_parameters(strategy: Mapping[str, Any], into: Read) -> None:
    path, kind = "spec.strategy.parameters", strategy.get("type")
    given = {
        name: value
        for name, value in (strategy.get("parameters") or {}).items()
        if value is not None
    }
    if kind in DEFAULTS:
        for problem in parameter_errors(kind, given):
            _refuse(into, f"{path}.{problem.name}", str(problem))
    elif given and kind is not None:
        text = f"{kind} is not run by this desk, so its parameters are not known"
        _refuse(into, path, text)


def _check_instruments(symbols: Sequence[str | None], into: Read) -> None:
    known = ", ".join(one.symbol for one in UNIVERSE.instruments)
    for at, symbol in enumerate(symbols):
        if symbol and symbol not in UNIVERSE and symbol not in symbols[:at]:
            text = f"{symbol} is not known here; there are {known}"
            _refuse(into, f"spec.strategy.instruments[{at}]", text)


def _check_legs(strategy: Mapping[str, Any], into: Read) -> None:
    given, kind = strategy.get("instruments"), strategy.get("type")
    if kind == "arbitrage" and given is not None and len(given) != LEGS:
        text = f"arbitrage trades two linked instruments, not {len(given)}: name both"
        _refuse(into, "spec.strategy.instruments", text)
    second = strategy.get("secondAccount")
    if second is None or kind is None:
        return
    if kind != "arbitrage":
        text = "only arbitrage trades on two accounts: leave it out"
        _refuse(into, "spec.strategy.secondAccount", text)
    elif second == strategy.get("account"):
        text = f"is {second} like account: leave it out, and both legs are traded there"
        _refuse(into, "spec.strategy.secondAccount", text)


def _check_markets(
    symbols: Sequence[str | None], markets: Sequence[str | None], into: Read
) -> None:
    """Every instrument that is known here trades on a market that is named."""
    if None in markets:
        return
    for at, symbol in enumerate(symbols):
        market = UNIVERSE.by_symbol(symbol).market if symbol and symbol in UNIVERSE else ""
        if market and market not in markets:
            text = f"{symbol} trades on {market}, not on {', '.join(map(str, markets))}: add"
            _refuse(into, f"spec.strategy.instruments[{at}]", f"{text} {market} to spec.markets")


def _refuse(into: Read, path: str, text: str) -> None:
    into.problems.append(error(nearest_line(into.lines, path), path, text))


def _config(written: Any, meant: Any, lines: Mapping[str, int]) -> EngineConfig:
    spec, strategy = meant["spec"], meant["spec"]["strategy"]
    controls, compliance = spec.get("riskControls", {}), spec.get("compliance", {})
    given = dict(strategy.get("parameters", {}))
    kind = strategy["type"]
    return EngineConfig(
        name=meant["metadata"]["name"],
        kind=kind,
        risk_limit=strategy["riskLimit"],
        max_position=strategy["maxPositionSize"],
        frequency=strategy["frequency"],
        instruments=tuple(strategy.get("instruments", ())),
        account=strategy.get("account", ""),
        second_account=strategy.get("secondAccount", ""),
        target=strategy.get("targetPosition"),
        parameters=given,
        read=read_parameters(kind, given) if kind in DEFAULTS else None,
        markets=tuple(spec["markets"]),
        target_latency=spec.get("latency", {}).get("targetLatency"),
        stop_loss=_bound(controls.get("stopLoss"), "threshold", "timeWindow"),
        drawdown=_bound(controls.get("drawdownLimit"), "maxDrawdown", "lookbackPeriod"),
        regulations=tuple(compliance.get("regulations", ())),
        off=_switched_off(compliance),
        alerts=_alerts(spec.get("alerts", ())),
        document=written,
        lines=dict(lines),
    )


def _bound(given: Mapping[str, Any] | None, share: str, seconds: str) -> Bound | None:
    if given is None:
        return None
    return Bound(given.get("enabled", True), given[share], given[seconds])


def _switched_off(compliance: Mapping[str, Any]) -> tuple[str, ...]:
    named = ("auditLog", "realTimeMonitoring")
    return tuple(one for one in named if compliance.get(one) is False)


def _alerts(given: Sequence[Mapping[str, Any]]) -> tuple[Alert, ...]:
    return tuple(Alert(one["name"], one["condition"], one["severity"]) for one in given)
