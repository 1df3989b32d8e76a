"""Documents: every field's error with its line, what is refused unread, conditions, samples."""

import json
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.engines.documents import BASE, document, line_of
from trading.engines.conditions import NAMES, ConditionError, holds, names_in, parse
from trading.engines.constant import COUNTS, RATIOS, SHARES, constants
from trading.engines.judging import judge
from trading.engines.problems import EngineInvalidError, Grade, Problem, errors_in
from trading.engines.reading import EngineConfig, digest_of, read_document, read_engine
from trading.engines.schema import DOCUMENT
from trading.engines.shapes import KEPT, fields_of
from trading.engines.stopping import (
    only_stops,
    read_patch,
    stop_in_document,
    stop_in_patch,
)
from trading.engines.units import UnitError, duration, money, percent, size_of_data

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = sorted((ROOT / "samples").glob("*.yaml"))
D = Decimal


def problems(text: bytes | str) -> list[Problem]:
    with pytest.raises(EngineInvalidError) as refused:
        read_engine(text)
    return list(refused.value.problems)


def only(text: bytes | str) -> Problem:
    (found,) = problems(text)
    return found


# Fields -------------------------------------------------------------------------------------------


def test_a_document_as_the_guide_writes_it() -> None:
    config = read_engine(document(parameters={"fast_s": 2, "slow_s": 20.5}, targetPosition="20k"))
    assert (config.name, config.kind, config.frequency) == ("mom-fx", "momentum", "medium")
    assert (config.risk_limit, config.max_position) == (D("0.025"), D(30_000))
    assert (config.target, config.target_latency) == (D(20_000), D("0.01"))
    assert config.parameters == {"fast_s": 2.0, "slow_s": 20.5}
    assert config.stop_loss is not None
    assert (config.stop_loss.share, config.stop_loss.seconds) == (D("0.01"), D(60))
    assert config.drawdown is not None
    assert config.drawdown.seconds == 86_400
    assert errors_in(judge(config), strict=True) == []


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("riskLimit", "2.5", "with its sign"),
        ("riskLimit", 2.5, "not a number (2.5)"),
        ("riskLimit", "101%", "from 0% to 100%"),
        ("riskLimit", "-1%", "from 0% to 100%"),
        ("maxPositionSize", "10X", '"10M"'),
        ("maxPositionSize", "0", "above 0"),
        ("maxPositionSize", "1e6", '"10M"'),
        ("frequency", "fast", "none of ultra-high, high, medium, low"),
        ("type", "martingale", "none of arbitrage, momentum"),
        ("instruments", [], "must have 1 to 100 items"),
        ("instruments", "EURUSD", "must be a list"),
        ("parameters", {"enter": 11}, "enter must be a number from 0.01 to 10"),
        ("parameters", {"speed": 1}, "momentum has no parameter 'speed'"),
        ("parameters", {"fast_s": 20}, "fast_s must be below slow_s"),
        ("parameters", [1], "must be an object with fields"),
        ("leverage", 3, "is no field of spec.strategy: it has type, riskLimit"),
        ("phase", "Stopped", "none of Active, Paused, Emergency-Stop"),
    ],
)
def test_an_error_names_line_field_and_what_to_do(field: str, value: Any, said: str) -> None:
    text = document(**{field: value})
    found = only(text)
    assert found.field.startswith(f"spec.strategy.{field}")
    assert found.line in {line_of(text, f"{field}:"), line_of(text, f"{field}:") + 1}
    assert said in found.text


def test_every_problem_is_named_at_once_in_the_order_of_lines() -> None:
    text = document(riskLimit="2.5", maxPositionSize=None, instruments=["NOPE", "NOPE"])
    text = text.replace("10ms", "10 parsecs").replace("severity: warning", "severity: loud")
    found = problems(text)
    assert [one.line for one in found] == sorted(one.line for one in found)
    assert [one.field for one in found] == [
        "spec.strategy.maxPositionSize", "spec.strategy.riskLimit",
        "spec.strategy.instruments[0]", "spec.strategy.instruments[1]",
        "spec.latency.targetLatency", "spec.alerts[0].severity",
    ]  # fmt: skip


def test_each_error_has_the_line_of_what_it_is_of() -> None:
    text = document(
        parameters={"enter": 11, "fast_s": 2, "speed": 1}, riskLimit="2.5",
        instruments=["EURUSD", "AAPL", "NOPE"],
    ).replace("  - NASDAQ\n", "")  # fmt: skip
    twice = yaml.safe_dump({"alerts": BASE["spec"]["alerts"]}).replace("alerts:\n", "")
    text += "".join(f"  {line}\n" for line in twice.splitlines()).replace("0.95", "0.9")
    at = {
        "spec.strategy.riskLimit": line_of(text, "riskLimit"),
        "spec.strategy.instruments[1]": line_of(text, "AAPL"),
        "spec.strategy.instruments[2]": line_of(text, "NOPE"),
        "spec.strategy.parameters.enter": line_of(text, "enter: 11"),
        "spec.strategy.parameters.speed": line_of(text, "speed: 1"),
        "spec.alerts[1].name": len(text.splitlines()) - 1,
    }
    assert {one.field: one.line for one in problems(text)} == at


def test_a_field_that_stands_twice_is_found() -> None:
    text = document().replace("riskLimit: 2.5%", "riskLimit: 2.5%\n    riskLimit: 9%")
    found = only(text)
    assert found.field == "spec.strategy.riskLimit"
    assert f"in line {found.line - 1} too" in found.text


def test_names_that_must_be_known_or_once() -> None:
    found = only(document(instruments=["EURUSD", "ZZZ"]))
    assert "ZZZ is not known here" in found.text
    one_leg = document(type="arbitrage", riskLimit="1%", instruments=["BTCUSDT"])
    assert "two linked instruments, not 1" in only(one_leg).text
    elsewhere = only(document(instruments=["AAPL"]).replace("- NASDAQ", "- NYSE"))
    assert elsewhere.field == "spec.strategy.instruments[0]"
    assert elsewhere.text == "AAPL trades on NASDAQ, not on NYSE: add NASDAQ to spec.markets"
    second: dict[str, Any] = {
        "account": "paper-1", "instruments": ["BTCUSDT", "BTCUSDT-PERP"], "type": "arbitrage",
        "riskLimit": "1%",
    }  # fmt: skip
    assert "only arbitrage" in only(document(secondAccount="paper-2")).text
    same = document(secondAccount="paper-1", **second).replace("- FOREX", "- CRYPTO")
    assert only(same).field == "spec.strategy.secondAccount"
    sound = document(secondAccount="paper-2", **second).replace("- FOREX", "- CRYPTO")
    assert read_engine(sound).second_account == "paper-2"
    twice = {**BASE, "spec": {**BASE["spec"], "alerts": BASE["spec"]["alerts"] * 2}}
    assert [one.field for one in problems(json.dumps(twice))] == [
        "spec.alerts[1]", "spec.alerts[1].name",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (percent, "2.5%", D("0.025")), (percent, "0%", D(0)), (percent, "100 %", D(1)),
        (money, "10M", D(10_000_000)), (money, "250k", D(250_000)), (money, "1.5B", D("1.5e9")),
        (duration, "100us", D("0.0001")), (duration, "100µs", D("0.0001")),
        (duration, "5ms", D("0.005")), (duration, "1m", D(60)), (duration, "1d", D(86_400)),
        (size_of_data, "64Gi", D(64 * 1024**3)), (size_of_data, "1GB", D(10**9)),
    ],
)  # fmt: skip
def test_units(read: Any, text: str, value: Decimal) -> None:
    assert read(text) == value


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (percent, "2.5"), (percent, "2.5%%"), (money, "10m"), (money, "010"), (money, "1,000"),
        (duration, "5"), (duration, "0s"), (duration, "5 min"), (size_of_data, "64"),
        (size_of_data, "64gb"), (percent, "NaN%"), (money, "٣M"),
    ],
)  # fmt: skip
def test_what_is_no_such_unit_is_refused_with_an_example(read: Any, text: str) -> None:
    with pytest.raises(UnitError, match=r"e\.g\.|such as"):
        read(text)


# Refused unread -----------------------------------------------------------------------------------


def test_bombs_objects_and_what_is_no_document_are_refused_at_once() -> None:
    laughs = "a: &a [x, x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]\n" for n in range(20)
    )
    cases: dict[bytes | str, tuple[int, str]] = {
        laughs: (1, "anchors and aliases are refused"),
        "a: 1\nb: !!python/object/apply:os.system [x]": (2, "tags are refused"),
        "x" * 70_000: (0, "65536 at most"),
        "[" * 3_000: (1, "deeper than 20 levels"),
        "a: 1\n---\nb: 2": (2, "a second document begins"),
        "a: 1\nb: [1": (2, "mend the YAML there"),
        "a: 1\n\x07": (2, "a character that YAML does not allow"),
        b"a: 1\n\xff\xfe": (2, "no UTF-8"),
        'a: "\\UFFFFFFFF"': (0, "an escape of no character"),
        "- a": (1, "it is no mapping"),
        "": (1, "it is no mapping"),
    }
    begun = time.process_time()
    for text, (line, said) in cases.items():
        found = only(text)
        assert (found.line, said in found.text) == (line, True), found
    assert time.process_time() - begun < 10  # not exponential: it takes some tenths


def test_nothing_that_the_database_cannot_keep_gets_through() -> None:
    for bad in ('"a\\0b"', '"\\uD800"'):
        text = document().replace("name: Fills", f"name: {bad}")
        assert "none of them NUL" in only(text).text


# The same said otherwise --------------------------------------------------------------------------


@pytest.mark.parametrize("given", ["9" * 23, "-9007199254740993"])
def test_a_number_beyond_what_every_reader_keeps_stays_its_text(given: str) -> None:
    text = document().replace("name: mom-fx", f"name: mom-fx\n  labels:\n    ticket: {given}")
    config = read_engine(text)
    assert config.document["metadata"]["labels"] == {"ticket": given}
    assert digest_of(config.document)
    assert read_document(config.document)[1].document == config.document


def test_a_digest_is_of_what_is_said_and_not_of_how() -> None:
    config = read_engine(document(parameters={"enter": 0.9}))
    text, again = read_document(config.document)
    assert again.document == config.document
    assert digest_of(again.document) == digest_of(config.document)
    other = read_engine("# note\n" + document(parameters={"enter": 0.9}).replace("2.5%", '"2.5%"'))
    assert digest_of(other.document) == digest_of(config.document)
    assert digest_of(read_engine(text.replace("0.9", "0.8")).document) != digest_of(config.document)


# Conditions ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tradingStats.successRate < 0.95", True),
        ("tradingStats.successRate < 95%", True),
        ("0.95 <= tradingStats.successRate", False),
        ("tradingStats.avgSlippage > 0.5 && tradingStats.successRate < 1", True),
        ("tradingStats.avgSlippage > 9 || !(tradingStats.successRate == 0.9)", False),
        ("not riskMetrics.pnl > -5", False),
        ("riskMetrics.pnl >= -5 and tradingStats.successRate != 0.9 or 1 < 2", True),
        ("latency.orderToAnswer > 1", None),
        ("latency.orderToAnswer > 1 and tradingStats.successRate > 1", False),
        ("latency.orderToAnswer > 1 or tradingStats.successRate < 1", True),
        ("not latency.orderToAnswer > 1", None),
        ("tradingStats.successRate < latency.orderToAnswer", None),
    ],
)
def test_conditions_are_true_false_or_not_known(text: str, expected: bool | None) -> None:
    values = {
        "tradingStats.successRate": D("0.9"), "tradingStats.avgSlippage": D("0.7"),
        "riskMetrics.pnl": D(-5) + D("0.01"), "latency.orderToAnswer": None,
    }  # fmt: skip
    condition = parse(text)
    assert holds(condition, values) is expected
    assert names_in(condition) <= set(NAMES)


CONSTANT = [
    ("riskMetrics.drawdown > 5", "never so, since riskMetrics.drawdown is 0 to 1"),
    ("5 < riskMetrics.drawdown", "5 < riskMetrics.drawdown is never so"),
    ("tradingStats.rejectionRate > 2", "a share is written as 5% or 0.05"),
    ("tradingStats.successRate < 95", "always so"),
    ("tradingStats.fillRate >= 0%", "always so"),
    ("not tradingStats.hitRatio != 50", "always so"),
    ("1 <= 0.95", "is never so, whatever happens: compare a name"),
    ("riskMetrics.pnl < riskMetrics.pnl", "compares a name with itself"),
    ("riskMetrics.utilization > 80", "hardly meant"),
    ("tradingStats.slippageBudgetUsed > 100 and tradingStats.totalOrders > 9", "hardly meant"),
    ("tradingStats.totalOrders < 0", "never so"),
    ("tradingStats.totalTrades >= 0", "always so"),
]


def warned(condition: str, **spec: Any) -> list[tuple[int, str]]:
    """Lines and texts of what the validator warns of, of one alert in a document."""
    alert = {"name": "One", "condition": condition, "severity": "info"}
    text = yaml.safe_dump({**BASE, "spec": {**BASE["spec"], **spec, "alerts": [alert]}})
    line = line_of(text, "condition:")
    found = judge(read_engine(text))
    assert all((one.line, one.field) == (line, "spec.alerts[0].condition") for one in found)
    return [(one.line, one.text) for one in found]


@pytest.mark.parametrize(("condition", "said"), CONSTANT)
def test_a_comparison_that_says_the_same_whatever_happens_is_warned_of(
    condition: str, said: str
) -> None:
    ((_, text),) = warned(condition, execution={"slippageBudget": "2bp"})
    assert said in text


def test_a_budget_that_nobody_gave_is_never_used() -> None:
    condition = "tradingStats.slippageBudgetUsed > 100% or tradingStats.successRate < 0.95"
    ((_, text),) = warned(condition)
    assert text.endswith("is never known: give spec.execution.slippageBudget")
    assert warned(condition, execution={"slippageBudget": "2bp"}) == []


@pytest.mark.parametrize(
    "condition",
    [
        "riskMetrics.drawdown >= 1", "tradingStats.rejectionRate == 0", "0 < tradingStats.hitRatio",
        "riskMetrics.utilization > 1", "riskMetrics.pnl < -50", "latency.orderToAnswer > 5",
        "tradingStats.avgSlippage > 400", "tradingStats.fillRate < tradingStats.hitRatio",
    ],
)  # fmt: skip
def test_what_can_be_so_and_not_so_is_not_warned_of(condition: str) -> None:
    assert warned(condition) == []


def test_shares_are_what_conditions_say_of_them() -> None:
    assert {one for one in NAMES if "0 to 1" in NAMES[one]} == SHARES | {"riskMetrics.utilization"}
    assert set(NAMES) >= SHARES | RATIOS | COUNTS


@given(
    st.sampled_from(sorted(SHARES | COUNTS)), st.sampled_from(["<", "<=", ">", ">=", "==", "!="]),
    st.integers(-3, 5).map(lambda half: D(half) / 2), st.booleans(),
    st.lists(st.integers(0, 4).map(lambda quarter: D(quarter) / 4), min_size=1),
)  # fmt: skip
def test_what_is_said_to_be_always_or_never_so_is(
    name: str, sign: str, value: Decimal, turned: bool, seen: list[Decimal]
) -> None:
    text = f"{value} {sign} {name}" if turned else f"{name} {sign} {value}"
    condition = parse(text.replace("E+0", ""))
    for said in constants(condition):
        assert ("always" in said) is not ("never" in said)
        assert {holds(condition, {name: one}) for one in seen} == {"always" in said}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tradingStats.succesRate < 1", "the names are tradingStats.successRate"),
        ("__import__('os').system('x')", "nothing that a condition has"),
        ("().__class__ < 1", "'.__class__"),
        ("tradingStats.successRate", "after a value stands one of"),
        ("tradingStats.successRate < ", "nothing stands where a number or a name is wanted"),
        ("(1 < 2", "a parenthesis is not closed"),
        ("1 < 2 3 < 4", "'3' is too much"),
        ("1 < -x", "after - stands a number"),
        ("", "nothing stands where"),
        ("(" * 50 + "1 < 2" + ")" * 50, "deeper than 10 levels"),
        ("not " * 50 + "1 < 2", "deeper than 10 levels"),
        ("1 < 2 and " * 200, "300 at most"),
    ],
)
def test_what_is_no_condition_says_why(text: str, said: str) -> None:
    with pytest.raises(ConditionError) as refused:
        parse(text)
    assert said in str(refused.value)


# Stops --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("patch", "kind"),
    [
        ({"spec": {"strategy": {"riskLimit": "0%"}}}, "kill"),
        ({"spec": {"strategy": {"riskLimit": "0.0 %"}}}, "kill"),
        ({"spec": {"strategy": {"riskLimit": 0}}}, "kill"),
        ({"spec": {"strategy": {"riskLimit": "0"}}}, "kill"),
        ({"spec": {"strategy": {"riskLimit": "00%"}}}, "kill"),
        ({"spec": {"strategy": {"riskLimit": " -0.00 "}}}, "kill"),
        ({"spec": {"strategy": {"riskLimit": "%"}}}, None),
        ({"status": {"phase": "Emergency-Stop"}}, "kill"),
        ({"status": {"phase": "Paused"}, "spec": {"strategy": {"riskLimit": "0%"}}}, "kill"),
        ({"spec": {"strategy": {"phase": "Paused"}}}, "pause"),
        ({"spec": {"strategy": {"riskLimit": "0.1%"}}}, None),
        ({"spec": {"strategy": {"riskLimit": False}}}, None),
        ({"spec": 3, "status": ["x"]}, None),
    ],
)
def test_what_is_a_stop_whatever_else_is_said(patch: dict[str, Any], kind: str | None) -> None:
    found = stop_in_patch("mom-fx", patch)
    assert (found and str(found.kind)) == kind
    assert found is None or found.scope == "strategy:mom-fx"


def test_a_stop_in_a_document_counts_though_the_rest_is_wrong() -> None:
    text = document(riskLimit="0%", leverage=3, frequency="never")
    found = stop_in_document(text)
    assert found is not None
    assert found.why == "TradingEngine mom-fx: spec.strategy.riskLimit 0%"
    assert stop_in_document("status: {phase: Emergency-Stop}") is None  # whose?
    assert stop_in_document("a: [") is None


def test_a_patch_that_only_stops_needs_nothing_else() -> None:
    assert only_stops(read_patch('{"status":{"phase":"Emergency-Stop"}}'))
    assert only_stops(read_patch('{"spec":{"strategy":{"riskLimit":"0%"}}}'))
    assert not only_stops(read_patch('{"spec":{"strategy":{"riskLimit":"0%","type":"x"}}}'))
    assert not only_stops(read_patch('{"spec":{"markets":[]},"status":{"phase":"Paused"}}'))
    lowers = '{"spec":{"strategy":{"phase":"Paused","riskLimit":"0.1%"}}}'
    assert not only_stops(read_patch(lowers))
    for bad in ("", "[1]", "{", "3"):
        with pytest.raises(ValueError, match="an object such as"):
            read_patch(bad)


# Judging and samples ------------------------------------------------------------------------------


def warnings(config: EngineConfig) -> set[str]:
    return {one.field for one in judge(config) if one.grade is Grade.WARNING}


def test_warnings_say_what_is_to_be_wished() -> None:
    bare = {**BASE, "spec": {name: BASE["spec"][name] for name in ("strategy", "markets")}}
    assert warnings(read_engine(yaml.safe_dump(bare))) == {
        "spec.riskControls.stopLoss", "spec.riskControls.drawdownLimit", "spec.alerts",
        "spec.latency.targetLatency", "spec.compliance.regulations",
    }  # fmt: skip
    text = document(riskLimit="9%", frequency="ultra-high", targetPosition="31k")
    text = text.replace("threshold: 1.0%", "threshold: 6%").replace(
        "- SOX", "- SOX\n    auditLog: no"
    )
    assert warnings(read_engine(text)) == {
        "spec.strategy.riskLimit", "spec.strategy.targetPosition", "spec.latency.targetLatency",
        "spec.riskControls.stopLoss.threshold", "spec.compliance.auditLog",
    }  # fmt: skip


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_samples_hold_in_strict_mode(path: Path) -> None:
    config = read_engine(path.read_bytes())
    found = judge(config)
    assert errors_in(found, strict=True) == []
    assert {one.text for one in found} == {KEPT}
    assert config.alerts
    assert config.read is not None


def test_there_are_both_samples() -> None:
    assert [path.stem for path in SAMPLES] == ["trading-engine-hft", "trading-engine-momentum"]


def test_the_document_says_what_every_field_does_and_what_every_name_is() -> None:
    text = (ROOT / "docs" / "engine.md").read_text()
    for path, use in fields_of(DOCUMENT):
        assert f"| `{path}` | {use} |" in text, path
    for name, about in NAMES.items():
        assert f"| `{name}` | {about} |" in text, name
