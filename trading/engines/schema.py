"""The fields of a TradingEngine document, what each may be and what it does here. Pure.

After the TradingEngine resource of engine-operations-guide.md; ``instruments``, ``account``,
``targetPosition``, ``parameters`` and ``execution`` are ours: the guide's say where and how a
strategy trades, not what it trades.
"""

import re
from collections.abc import Callable, Iterable
from decimal import Decimal

from trading.engines import conditions
from trading.engines.shapes import KEPT as _KEPT
from trading.engines.shapes import Field, Leaf, ListOf, MapOf, Object
from trading.engines.units import basis_points, duration, money, percent, size_of_data
from trading.sessions import MARKETS

API_VERSION = "trading.fintech.io/v1"
KIND = "TradingEngine"
TYPES = ("arbitrage", "momentum", "mean-reversion", "market-making")
EMERGENCY_STOP, PAUSED, ACTIVE = "Emergency-Stop", "Paused", "Active"
PHASES = (ACTIVE, PAUSED, EMERGENCY_STOP)
RATES = {"ultra-high": Decimal(50), "high": Decimal(20), "medium": Decimal(5), "low": Decimal(1)}
"""Orders a second that each frequency takes at most."""

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9\-]{0,48}[a-z0-9])?")
_SYMBOL = re.compile(r"[A-Z0-9][A-Z0-9.\-]{0,23}")


def _one_of(values: Iterable[str]) -> Leaf:
    known = tuple(values)

    def parse(text: str) -> str:
        if text not in known:
            raise ValueError(f"{text[:40]!r} is none of {', '.join(known)}")
        return text

    return Leaf(parse, wanted=f"one of {', '.join(known)}")


def _matching(pattern: re.Pattern[str], wanted: str) -> Leaf:
    def parse(text: str) -> str:
        if not pattern.fullmatch(text):
            raise ValueError(f"must be {wanted}, not {text[:60]!r}")
        return text

    return Leaf(parse, wanted=wanted)


def _text(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be empty")
    return text


def _condition(text: str) -> conditions.Condition:
    return conditions.parse(text)


def _cores(text: str) -> Decimal:
    if not re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,3})?", text):
        raise ValueError(f'must be a number of cores, e.g. "16", not {text[:40]!r}')
    return Decimal(text)


def _float(text: str) -> float:
    if not re.fullmatch(r"-?[0-9]{1,12}(\.[0-9]{0,12})?([eE][-+]?[0-9]{1,2})?", text):
        raise ValueError(f"must be a plain number, e.g. 0.9, not {text[:40]!r}")
    return float(text)


def _with_unit(parse: Callable[[str], Decimal], example: str) -> Leaf:
    return Leaf(parse, wanted=f'a text with its unit, e.g. "{example}"')


TEXT = Leaf(_text)
FLAG = Leaf(lambda text: text.lower() in ("true", "yes", "on"), ("bool",), "true or false")
PERCENT = _with_unit(percent, "2.5%")
MONEY = Leaf(money, ("str", "int"), 'an amount such as "10M"')
DURATION = _with_unit(duration, "5ms")
DATA = _with_unit(size_of_data, "64Gi")
LABELS = MapOf(Leaf(str, ("str", "int", "bool"), "a text"))

STORAGE = Object(
    (
        Field("size", DATA, _KEPT),
        Field("type", TEXT, _KEPT),
        Field("storageClass", TEXT, _KEPT),
    )
)

STRATEGY = Object(
    (
        Field("type", _one_of(TYPES), "the strategy's kind; fixed once it is made", required=True),
        Field(
            "riskLimit", PERCENT, "its share of the firm's gross-notional limit: its own"
            " gross-notional limit. 0% is a kill", required=True,
        ),
        Field("maxPositionSize", MONEY, "USD: its position-notional limit", required=True),
        Field(
            "frequency", _one_of(RATES), "its order-rate limit: "
            + ", ".join(f"{name} {rate}" for name, rate in RATES.items()) + " orders a second",
            required=True,
        ),
        Field(
            "phase", _one_of(PHASES), f"{EMERGENCY_STOP} is a kill, {PAUSED} a pause; {ACTIVE}"
            " lifts nothing: holds are lifted by their own rules",
        ),
        Field(
            "instruments", ListOf(_matching(_SYMBOL, "a symbol such as EURUSD"), 1),
            "ours: the symbols it trades; needed for a new strategy and by a backtest",
        ),
        Field(
            "account", _matching(_NAME, "the name of a venue account"),
            "ours: the venue account it trades on; needed for a new strategy",
        ),
        Field(
            "secondAccount", _matching(_NAME, "the name of a venue account"),
            "ours: of arbitrage, the venue account of its second instrument; when left out, both"
            " are traded on `account`",
        ),
        Field(
            "targetPosition", MONEY, "ours: USD per instrument while a signal is on, at most what"
            " its limits take; when left out, two thirds of that",
        ),
        Field(
            "parameters", MapOf(Leaf(_float, ("int", "float"), "a number")),
            "ours: the strategy's parameters, by the names and bounds of its kind",
        ),
    )
)  # fmt: skip

SPEC = Object(
    (
        Field("strategy", STRATEGY, required=True),
        Field(
            "markets", ListOf(_one_of(MARKETS), 1), "where its instruments trade, of each the"
            " market; orders leave only while that is open", required=True,
        ),
        Field(
            "latency",
            Object(
                (
                    Field(
                        "targetLatency", DURATION,
                        "judged against frequency by the validator; p99 from tick to send within"
                        " it, as risk has signed it, is part of the last gate",
                    ),
                    Field("networkOptimization", FLAG, _KEPT),
                    Field("hardwareAcceleration", FLAG, _KEPT),
                )
            ),
        ),
        Field(
            "execution",
            Object(
                (
                    Field(
                        "slippageBudget", _with_unit(basis_points, "2.5bp"),
                        "ours: basis points that its fills may cost beyond the mid it saw; kept"
                        " with its version, performance is shown against it, and a raise on real"
                        " money takes it",
                    ),
                )
            ),
        ),
        Field(
            "riskControls",
            Object(
                (
                    Field(
                        "stopLoss",
                        Object(
                            (
                                Field("enabled", FLAG, "false: not applied; the validator warns"),
                                Field("threshold", PERCENT, "beyond it the strategy is killed",
                                      required=True),
                                Field("timeWindow", DURATION, "over which its loss is measured",
                                      required=True),
                            )
                        ),
                    ),
                    Field(
                        "drawdownLimit",
                        Object(
                            (
                                Field("enabled", FLAG, "false: not applied; the validator warns"),
                                Field("maxDrawdown", PERCENT, "beyond it the strategy is killed",
                                      required=True),
                                Field("lookbackPeriod", DURATION,
                                      "how far back its peak is looked for", required=True),
                            )
                        ),
                    ),
                )
            ),
        ),
        Field(
            "compliance",
            Object(
                (
                    Field("regulations", ListOf(_one_of(("MiFID-II", "Dodd-Frank", "SOX"))),
                          "named in versions; the validator asks for one"),
                    Field("requirements", ListOf(TEXT), _KEPT),
                    Field("auditLog", FLAG, "always on here; false is a warning"),
                    Field("realTimeMonitoring", FLAG, "always on here; false is a warning"),
                )
            ),
        ),
        Field(
            "alerts",
            ListOf(
                Object(
                    (
                        Field("name", TEXT, "the alert's name, once in a document", required=True),
                        Field("condition", Leaf(_condition), "parsed, see Conditions",
                              required=True),
                        Field("severity", _one_of(("critical", "warning", "info")),
                              "critical, warning or info", required=True),
                    )
                )
            ),
        ),
        Field(
            "resources",
            Object(
                (
                    Field("cpu", Leaf(_cores, ("str", "int", "float"), "a number of cores"), _KEPT),
                    Field("memory", DATA, _KEPT),
                    Field("hugepages-2Mi", DATA, _KEPT),
                    Field("storage", STORAGE),
                )
            ),
        ),
        Field("storage", STORAGE),
        Field("nodeSelector", LABELS, _KEPT),
        Field(
            "networking",
            Object((Field("mode", TEXT, _KEPT), Field("interfaces", ListOf(TEXT), _KEPT))),
        ),
        Field(
            "marketData",
            Object(
                (
                    Field("transport", TEXT, _KEPT),
                    Field("interface", TEXT, _KEPT),
                    Field("bufferSize", DATA, _KEPT),
                )
            ),
        ),
    )
)  # fmt: skip

DOCUMENT = Object(
    (
        Field("apiVersion", _one_of((API_VERSION,)), "fixed", required=True),
        Field("kind", _one_of((KIND,)), "fixed", required=True),
        Field(
            "metadata",
            Object(
                (
                    Field("name", _matching(_NAME, "1 to 50 of a-z, 0-9 and -"),
                          "the strategy's key", required=True),
                    Field("namespace", TEXT, _KEPT),
                    Field("labels", LABELS, _KEPT),
                    Field("annotations", LABELS, _KEPT),
                )
            ),
            required=True,
        ),
        Field("spec", SPEC, required=True),
        Field("status", Object((Field("phase", _one_of(PHASES), "as spec.strategy.phase"),))),
    )
)  # fmt: skip
