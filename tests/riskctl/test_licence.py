"""The licence: closed until read, and closed again 250 ms after the start of the last reading."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskctl.licence import LICENCE_NS, SUCCESSOR_WAIT_S, WATCHDOG_MAX_AGE_MS, Licence, Reading

TOKEN = 7
START = 10**12


def reading(
    started: int = START, token: int | None = TOKEN, watchdog_ms: float | None = 100.0
) -> Reading:
    return Reading(
        started_boot_ns=started,
        lease_token=token,
        watchdog_age_ms=watchdog_ms,
        beat=1,
        shard_tokens={"shard:0": 3},
        limits={("firm", "x"): Decimal(1)},
        holds=(),
        lifted=frozenset(),
        stages={},
    )


def code(licence: Licence, now: int) -> str | None:
    denial = licence.denial(now)
    return denial.code if denial else None


def test_nothing_was_read_so_nothing_leaves() -> None:
    assert code(Licence(TOKEN), START) == "NO_LICENCE"


def test_a_reading_licenses_for_a_quarter_second_from_its_start() -> None:
    licence = Licence(TOKEN)
    licence.renew(reading())
    assert code(licence, START) is None
    assert code(licence, START + LICENCE_NS - 1) is None
    assert code(licence, START + LICENCE_NS) == "NO_LICENCE"
    assert licence.remaining_ms(START + LICENCE_NS // 2) == 125.0
    assert licence.remaining_ms(START + LICENCE_NS) == 0.0


@pytest.mark.parametrize(
    "closed",
    [
        reading(token=None),
        reading(token=TOKEN + 1),
        reading(watchdog_ms=None),
        reading(watchdog_ms=WATCHDOG_MAX_AGE_MS + 1),
    ],
)
def test_a_lost_lease_or_a_silent_watchdog_closes(closed: Reading) -> None:
    licence = Licence(TOKEN)
    licence.renew(reading(started=START - 1))
    licence.renew(closed)
    assert code(licence, START + 1) == "NO_LICENCE"


def test_a_slow_answer_does_not_undo_a_newer_reading() -> None:
    licence = Licence(TOKEN)
    licence.renew(reading(token=None))
    licence.renew(reading(started=START - 1))
    assert code(licence, START + 1) == "NO_LICENCE"


def test_only_the_newest_token_of_a_known_shard_is_served() -> None:
    licence = Licence(TOKEN)
    assert licence.shard_denial("shard:0", 3) is not None
    licence.renew(reading())
    assert licence.shard_denial("shard:0", 3) is None
    for shard, token, expected in (
        ("shard:0", 2, "FENCED_SHARD"),
        ("shard:0", 4, "FENCED_SHARD"),
        ("shard:9", 3, "UNKNOWN_SHARD"),
    ):
        denial = licence.shard_denial(shard, token)
        assert denial is not None
        assert denial.code == expected


def test_a_successor_outwaits_licence_and_not_after() -> None:
    assert SUCCESSOR_WAIT_S * 1e9 > LICENCE_NS + 200_000_000


@given(st.lists(st.integers(0, 10 * LICENCE_NS), min_size=1), st.integers(0, 12 * LICENCE_NS))
def test_open_means_some_good_reading_started_under_a_quarter_second_ago(
    starts: list[int], now: int
) -> None:
    licence = Licence(TOKEN)
    for start in starts:
        licence.renew(reading(started=start))
    if licence.denial(now) is None:
        assert now - max(starts) < LICENCE_NS


def test_no_licence_while_what_leaves_cannot_be_written_down() -> None:
    licence = Licence(TOKEN)
    licence.renew(reading())
    licence.written = False
    assert code(licence, START) == "NO_LICENCE"
    assert licence.remaining_ms(START) == 0.0
    assert licence.leased(START), "the account is ours all the same"
    licence.written = True
    assert code(licence, START) is None
