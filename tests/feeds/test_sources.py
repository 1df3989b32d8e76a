"""Pace: a recording at its speed, long gaps jumped, the simulator by the wall clock."""

from pathlib import Path

from tests.feeds.builders import NS, quote_line, quotes_file
from trading.feeds.replay import Replay
from trading.feeds.simulator import STEP_NS, Simulator
from trading.feeds.sources import PACE_NS, LockedReplay, PacedReplay, SimulatedSource


def paced(tmp_path: Path, seconds: list[float], speed: float) -> PacedReplay:
    path = quotes_file(tmp_path / "a.csv", [quote_line(s) for s in seconds])
    return PacedReplay(Replay([path]), speed)


def drive(source: PacedReplay, boot_ns: int, seconds: float) -> list[float]:
    """Pull until ``seconds`` later; when each row came, in real seconds."""
    came = []
    begun, end = boot_ns, boot_ns + int(seconds * NS)
    while boot_ns <= end and not source.ended:
        batch = source.pull(boot_ns, 0)
        came += [(boot_ns - begun) / NS] * (len(batch.rows) if batch else 0)
        wait = source.wait_ns(boot_ns, 0)
        assert 0 <= wait <= PACE_NS
        boot_ns += max(wait, 1_000_000)
    return came


def test_a_recording_at_twice_its_speed(tmp_path: Path) -> None:
    came = drive(paced(tmp_path, [0, 1, 2, 10], speed=2), 5 * NS, 20)
    assert [round(at, 1) for at in came] == [0, 0.5, 1, 5]


def test_a_gap_of_more_than_five_minutes_is_jumped(tmp_path: Path) -> None:
    source = paced(tmp_path, [0, 299, 299 + 301, 299 + 302], speed=100)
    came = drive(source, 0, 10)
    assert [round(at, 1) for at in came] == [0, 3.0, 3.0, 3.1]
    assert source.clock_jumps == 1
    assert 290 * NS < source.jumped_ns <= 301 * NS


def test_after_an_outage_a_replay_goes_on_where_it_stopped(tmp_path: Path) -> None:
    source = paced(tmp_path, [0, 1, 2], speed=1)
    assert len(drive(source, 0, 0.5)) == 1
    source.resume(100 * NS)
    came = drive(source, 100 * NS, 5)
    assert [round(at, 1) for at in came] == [0.5, 1.5]
    assert source.clock_jumps == 0


def test_a_continued_replay_keeps_its_pace(tmp_path: Path) -> None:
    path = quotes_file(tmp_path / "a.csv", [quote_line(s) for s in (0, 2, 4)])
    first = PacedReplay(Replay([path]), 1)
    drive(first, 0, 1)
    second = PacedReplay(Replay([path], first.state()), 1)
    assert [round(at, 1) for at in drive(second, 50 * NS, 5)] == [2, 4]


def test_full_speed_gives_small_batches(tmp_path: Path) -> None:
    path = quotes_file(tmp_path / "a.csv", [quote_line(s / 100) for s in range(500)])
    source = LockedReplay(Replay([path]))
    sizes = []
    while (batch := source.pull(0, 0)) is not None:
        sizes.append(len(batch.rows))
    assert sum(sizes) == 500
    assert max(sizes) == 64
    assert source.ended


def test_the_simulator_follows_the_wall_clock_and_skips_what_it_missed() -> None:
    begun = 1_794_000_000 * NS
    source = SimulatedSource(Simulator(1, begun))
    assert source.pull(0, begun + STEP_NS - 1) is None
    assert source.wait_ns(0, begun + STEP_NS - 1) == 1
    assert source.pull(0, begun + STEP_NS) is not None
    late = begun + 60 * NS
    batch = source.pull(0, late)
    assert batch is not None
    assert batch.clock_ns == late
    assert source.pull(0, late) is None
