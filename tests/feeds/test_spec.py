"""FEED and REPLAY_SPEED: what is wrong is said in one line, before anything starts."""

from pathlib import Path

import pytest

from tests.feeds.builders import SHARED, quote_line, quotes_file
from trading.feeds.spec import BACKUP, FeedKind, FeedSpecError, parse_feed


def refused(spec: str, speed: str = "1") -> str:
    with pytest.raises(FeedSpecError) as caught:
        parse_feed(spec, speed)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_simulator() -> None:
    spec = parse_feed("simulated", "1")
    assert (spec.kind, spec.paths, spec.speed_text) == (FeedKind.SIMULATED, (), "1")


def test_several_recorded_days() -> None:
    names = ("eurusd-oanda-20140502", "btcusdt-spot-20240808")
    paths = [SHARED / f"{name}.quotes.csv.gz" for name in names]
    spec = parse_feed(f"replay:{paths[0]},{paths[1]}", "max")
    assert spec.kind is FeedKind.REPLAY
    assert list(spec.paths) == paths
    assert (spec.speed, spec.speed_text) == (None, "max")


def test_a_recording_with_a_backup() -> None:
    oanda, fxcm, spot = (
        SHARED / f"{name}.quotes.csv.gz"
        for name in ("eurusd-oanda-20140502", "eurusd-fxcm-20140502", "btcusdt-spot-20240808")
    )
    spec = parse_feed(f"replay:{oanda},{spot} | replay:{fxcm}", "1")
    assert spec.sources == ("eurusd-oanda-20140502+btcusdt-spot-20240808", "eurusd-fxcm-20140502")
    assert (spec.paths, spec.of) == ((oanda, spot, fxcm), (0, 0, 1))
    for bad in (f"simulated|replay:{fxcm}", f"replay:{fxcm}|", f"replay:{fxcm}|simulated"):
        assert f"replay:FILE{BACKUP}replay:FILE" in refused(bad)
    assert "is given twice" in refused(f"replay:{fxcm}|replay:{fxcm}")


def test_a_speed(tmp_path: Path) -> None:
    path = quotes_file(tmp_path / "a.csv", [quote_line(0)])
    assert parse_feed(f"replay:{path}", "2.5").speed == 2.5


@pytest.mark.parametrize("speed", ["0", "-1", "fast", "nan", "inf", ""])
def test_a_speed_is_a_positive_number_or_max(speed: str) -> None:
    said = refused("simulated", speed)
    assert said.startswith(f"REPLAY_SPEED: {speed!r}")
    assert "'max'" in said


@pytest.mark.parametrize("spec", ["", "live", "simulator", "replay", "Simulated", "replay:", "a,b"])
def test_an_unknown_form_is_refused_with_the_known_ones(spec: str) -> None:
    assert "replay:FILE" in refused(spec)


def test_a_missing_file() -> None:
    assert refused("replay:/no/such.csv") == "FEED: /no/such.csv does not exist; check the path"


def test_a_folder(tmp_path: Path) -> None:
    assert "cannot be read" in refused(f"replay:{tmp_path}")


def test_another_header_is_shown_with_the_one_expected(tmp_path: Path) -> None:
    said = refused(f"replay:{SHARED / 'spy-1998-2021.bars-1d.csv.gz'}")
    assert "line 1 is 'ts,symbol,open,high,low,close,volume'" in said
    assert "'ts,symbol,bid,ask,bid_size,ask_size'" in said
    empty = tmp_path / "empty.csv"
    empty.write_bytes(b"")
    assert "line 1 is empty" in refused(f"replay:{empty}")


def test_no_quote_at_all(tmp_path: Path) -> None:
    assert "holds no quote" in refused(f"replay:{quotes_file(tmp_path / 'a.csv', [])}")


def test_an_unknown_symbol_is_named_with_its_line(tmp_path: Path) -> None:
    path = quotes_file(tmp_path / "a.csv.gz", [quote_line(0, "VOD")])
    said = refused(f"replay:{path}")
    assert f"{path} line 2: symbol: 'VOD' is not known; known symbols: EURUSD" in said


def test_a_single_malformed_line_refuses_nothing(tmp_path: Path) -> None:
    path = quotes_file(tmp_path / "a.csv", ["rubbish", quote_line(0)])
    assert parse_feed(f"replay:{path}", "1").paths == (path,)


def test_only_rubbish_is_refused(tmp_path: Path) -> None:
    path = quotes_file(tmp_path / "a.csv", ["rubbish"] * 5)
    assert "line 2: 1 fields instead of 6" in refused(f"replay:{path}")


def test_a_damaged_archive(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(b"\x1f\x8bnot really")
    assert "cannot be read" in refused(f"replay:{path}")


def test_the_same_file_twice(tmp_path: Path) -> None:
    path = quotes_file(tmp_path / "a.csv", [quote_line(0)])
    assert "given twice" in refused(f"replay:{path},{path}")
