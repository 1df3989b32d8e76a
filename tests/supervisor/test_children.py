"""How long a program that ended waits before it starts again."""

from workers.supervisor.children import HEALTHY_S, Child, Program


def _child() -> Child:
    return Child(Program("toy", lambda: 1))


def test_the_pause_doubles_up_to_five_seconds() -> None:
    child = _child()
    pauses = []
    for second in range(7):
        child.start(float(second))
        pauses.append(child.ended(float(second)))
    assert pauses == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]


def test_a_healthy_run_resets_the_pause() -> None:
    child = _child()
    for second in range(4):
        child.start(float(second))
        child.ended(float(second))
    child.start(100.0)
    assert child.ended(100.0 + HEALTHY_S) == 0.2


def test_it_counts_restarts_and_not_the_first_start() -> None:
    child = _child()
    assert child.entry()["restarts"] == 0
    child.start(0.0)
    assert child.entry()["restarts"] == 0
    child.ended(1.0)
    child.start(2.0)
    assert child.entry() == {**child.entry(), "restarts": 1, "pid": 1}


def test_what_waits_has_no_pid_and_knows_when_it_starts() -> None:
    child = _child()
    child.start(10.0)
    child.ended(11.0)
    assert child.entry()["pid"] is None
    assert child.next_start == 11.2
