"""The canonical form: one body, one string of bytes, readable by any JSON reader."""

import datetime as dt
import json
import sys
import uuid
from decimal import Decimal
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.canonical import DEEPEST, LARGEST_INTEGER, NotCanonicalError, canonical_bytes

TEXTS = st.text(st.characters(codec="utf-8"), max_size=8)
SCALARS = st.none() | st.booleans() | st.integers(-LARGEST_INTEGER, LARGEST_INTEGER) | TEXTS
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
BODIES = st.dictionaries(TEXTS, VALUES, max_size=4)


@given(BODIES)
def test_a_reader_gets_the_body_back_and_writes_the_same_bytes(body: dict[str, Any]) -> None:
    data = canonical_bytes(body)
    assert json.loads(data) == body
    assert canonical_bytes(json.loads(data)) == data


@given(BODIES, st.randoms(use_true_random=False))
def test_the_order_of_names_does_not_matter(body: dict[str, Any], random: Any) -> None:
    names = list(body)
    random.shuffle(names)
    assert canonical_bytes({name: body[name] for name in names}) == canonical_bytes(body)


def test_the_form_in_full() -> None:
    class Word(StrEnum):
        DONE = "done"

    body = {
        "b": Decimal("1E+3"),
        "a": [Decimal("-0.10"), 7, True, None, Word.DONE],
        "é": {"z": uuid.UUID(int=1), "at": dt.datetime(2026, 11, 21, 9, 30, tzinfo=dt.UTC)},
        "\n": 'quote " and \\ and \x01',
    }
    assert canonical_bytes(body).decode() == (
        '{"\\n":"quote \\" and \\\\ and \\u0001","a":["-0.10",7,true,null,"done"],"b":"1000",'
        '"é":{"at":"2026-11-21T09:30:00.000000Z","z":"00000000-0000-0000-0000-000000000001"}}'
    )


def test_every_character_is_written_as_the_standard_library_writes_it() -> None:
    points = [one for one in range(sys.maxunicode + 1) if not 0xD800 <= one < 0xE000]
    body = {"text": "".join(map(chr, points)), "each": [chr(one) for one in points]}
    wanted = json.dumps(body, separators=(",", ":"), ensure_ascii=False, sort_keys=True).encode()
    assert canonical_bytes(body) == wanted


def test_names_sort_by_utf16_as_rfc_8785_says() -> None:
    body = {"\ufb33": 1, "\U0001f600": 2, "\u20ac": 3, "1": 4}
    assert list(json.loads(canonical_bytes(body))) == ["1", "\u20ac", "\U0001f600", "\ufb33"]


def test_a_zone_is_turned_into_utc() -> None:
    zone = dt.timezone(dt.timedelta(hours=-5))
    body = {"at": dt.datetime(2026, 11, 21, 4, 30, 0, 5, tzinfo=zone)}
    assert canonical_bytes(body) == b'{"at":"2026-11-21T09:30:00.000005Z"}'


def nested(depth: int) -> dict[str, Any]:
    body: dict[str, Any] = {}
    for _ in range(depth):
        body = {"in": body}
    return body


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (1.0, r"\$\.after\[1\]: float"),
        (float("nan"), "float"),
        (Decimal("NaN"), "Decimal"),
        (Decimal("Infinity"), "Decimal"),
        (b"bytes", "bytes"),
        ({1, 2}, "set"),
        (dt.date(2026, 11, 21), "date"),
        (dt.datetime(2026, 11, 21), "without a zone"),  # noqa: DTZ001 - naive on purpose
        (LARGEST_INTEGER + 1, "2\\^53"),
        (-LARGEST_INTEGER - 1, "2\\^53"),
        ({1: "x"}, "is no string"),
        ("\ud800", "surrogate"),
        (nested(DEEPEST), "deeper"),
    ],
)
def test_what_has_no_exact_form_is_refused(value: object, words: str) -> None:
    with pytest.raises(NotCanonicalError, match=words):
        canonical_bytes({"after": ["fine", value]})
