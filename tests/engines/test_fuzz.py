"""Whatever is given as a document, a condition or a patch: it is read, or refused in our words."""

import contextlib
import json
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engines.documents import BASE, document
from trading.engines.conditions import NAMES, ConditionError, holds, parse
from trading.engines.judging import judge
from trading.engines.problems import EngineInvalidError, Problem
from trading.engines.reading import digest_of, read_document, read_engine
from trading.engines.stopping import only_stops, stop_in_document, stop_in_patch

LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20),
    st.sampled_from(["0%", "2.5%", "10M", "100us", "1m", "Emergency-Stop", "momentum", "\0", "<<"]),
)  # fmt: skip
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["spec", "strategy", "riskLimit", "phase", "x"]), inner)
    ),
    max_leaves=8,
)
PATHS = [
    ("apiVersion",), ("metadata",), ("metadata", "name"), ("spec",), ("spec", "strategy"),
    ("spec", "strategy", "riskLimit"), ("spec", "strategy", "parameters"), ("spec", "markets"),
    ("spec", "riskControls", "stopLoss"), ("spec", "alerts"), ("spec", "latency"), ("status",),
]  # fmt: skip


def put(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    """``BASE`` with ``value`` at ``path``."""
    whole: dict[str, Any] = json.loads(json.dumps(BASE))
    at = whole
    for name in path[:-1]:
        at = at[name]
    at[path[-1]] = value
    return whole


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(PATHS), VALUES)
def test_a_document_with_anything_anywhere(path: tuple[str, ...], value: Any) -> None:
    whole = put(path, value)
    stop_in_patch("mom-fx", whole)
    only_stops(whole)
    refused: tuple[Problem, ...] = ()
    try:
        text, config = read_document(whole)
    except EngineInvalidError as error:
        refused = error.problems
    else:
        judge(config)
        stop_in_document(text)
        json.dumps(dict(config.document), allow_nan=False).encode()
        _, again = read_document(config.document)
        assert digest_of(again.document) == digest_of(config.document)
    assert all(one.text for one in refused)


@settings(max_examples=150, deadline=None)
@given(
    st.text(alphabet=st.sampled_from("ab:-[]{}&*!|>%'\"\n\t #,?0\0é"), max_size=60),
    st.integers(0, 400),
)
def test_text_put_into_a_document_anywhere(noise: str, at: int) -> None:
    text = document()
    for raw in (text[:at] + noise + text[at:], noise):
        stop_in_document(raw)
        with contextlib.suppress(EngineInvalidError):
            read_engine(raw)
        with contextlib.suppress(EngineInvalidError):
            read_engine(raw.encode()[:-1])


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from([*list(NAMES)[:3], "and", "or", "not", "(", ")", "<", ">=", "==", "1", "5%",
                         "-", "&&", "!", "x", "é"]), max_size=12)
)  # fmt: skip
def test_tokens_in_any_order_are_a_condition_or_none(tokens: list[str]) -> None:
    with contextlib.suppress(ConditionError):
        assert holds(parse(" ".join(tokens)), {}) in {True, False, None}


def test_what_yaml_itself_would_read_as_other_things_is_refused_by_field() -> None:
    for value in ("2026-11-26", "1:30", "0x10", "1_000", ".inf", "~", "2001-01-01T00:00:00Z"):
        raw = yaml.safe_dump(BASE).replace("riskLimit: 2.5%", f"riskLimit: {value}")
        with pytest.raises(EngineInvalidError) as refused:
            read_engine(raw)
        assert refused.value.problems[0].field == "spec.strategy.riskLimit"
    for odd in ("\ud800", "a\0b", 10**400, float("inf"), 1e-300):
        for path in (("spec", "strategy", "riskLimit"), ("metadata", "namespace")):
            with pytest.raises(EngineInvalidError):
                read_document(put(path, odd))
