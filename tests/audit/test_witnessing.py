"""A witness beside the sequencer: what it keeps is noted, and what it says is heeded."""

import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from audit.anchors import Witness
from audit.models import Anchoring, Entry
from audit.sequencing import Sequencing
from audit.verifier import parse_checkpoint
from audit.witnessing import Messenger
from tests.audit.made import made
from tests.audit.recording import Recording, connect, settle, write
from tests.audit.witness import Behaviour, serving
from tests.workers.desk import wait_for

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def behaviour() -> Behaviour:
    return Behaviour()


@pytest.fixture
def messenger(tmp_path: Path, behaviour: Behaviour) -> Iterator[Messenger]:
    with serving(tmp_path, behaviour) as witness:
        found = Messenger(witness, connect)
        found.start()
        yield found
        found.stop(10)


@pytest.fixture
def recording(tmp_path: Path) -> Iterator[Recording]:
    made_here = Recording(tmp_path)
    yield made_here
    made_here.close()


def running(recording: Recording, messenger: Messenger) -> Sequencing:
    found = recording.start()
    found.messengers = (messenger,)
    found.attestor.hand_on = messenger.give
    return found


def later(recording: Recording, sequencing: Sequencing) -> None:
    recording.seconds += 31
    settle(sequencing)


def test_what_it_keeps_is_noted(
    recording: Recording, messenger: Messenger, behaviour: Behaviour
) -> None:
    sequencing = running(recording, messenger)
    for number in range(3):
        write(number)
        later(recording, sequencing)
        wait_for(partial(has_size, behaviour, number + 2), "the witness to keep it")
        settle(sequencing)
    wait_for(partial(after_a_turn, sequencing, lambda: noted() >= 3), "all to be noted")
    row = Anchoring.objects.filter(anchor=messenger.anchor.name).latest("id")
    assert row.answer.startswith("— witness.test/w ")
    assert parse_checkpoint(row.checkpoint.note).size == 4


def has_size(behaviour: Behaviour, size: int) -> bool:
    return behaviour.size == size


def was_asked(behaviour: Behaviour, times: int) -> bool:
    return len(behaviour.asked) >= times


def after_a_turn(sequencing: Sequencing, condition: Callable[[], bool]) -> bool:
    settle(sequencing)
    return condition()


def noted() -> int:
    return Anchoring.objects.filter(anchor__startswith="witness:").count()


def test_one_that_fails_alarms_once_and_holds_nothing_up(
    recording: Recording, messenger: Messenger, behaviour: Behaviour
) -> None:
    behaviour.fails = 500, "sorry"
    sequencing = running(recording, messenger)
    for number in range(3):
        write(number)
        later(recording, sequencing)
        wait_for(partial(was_asked, behaviour, number + 1), "it to be asked")
    alarms = Entry.objects.filter(action="audit.alarm")
    wait_for(partial(after_a_turn, sequencing, alarms.exists), "the alarm")
    assert alarms.count() == 1
    assert "answers 500" in alarms.get().reason
    assert Anchoring.objects.filter(anchor="file:anchor.jsonl").count() >= 3


def test_one_that_knows_more_stops_the_signing(
    recording: Recording, messenger: Messenger, behaviour: Behaviour
) -> None:
    other = made(99).sign()
    behaviour.size, behaviour.root = other.size, other.root
    sequencing = running(recording, messenger)
    write("a")
    settle(sequencing)
    later(recording, sequencing)
    refused = partial(after_a_turn, sequencing, lambda: bool(sequencing.attestor.refused))
    wait_for(refused, "it to be refused")
    assert "holds 99 entries" in sequencing.attestor.refused


def test_the_newest_counts(tmp_path: Path) -> None:
    """A witness that hangs gets, when it answers again, what is newest and not all that was."""
    kept: list[int] = []
    entered, go_on = threading.Event(), threading.Event()

    class Slow(Witness):
        def keep(self, checkpoint: object, proof: object) -> str:
            entered.set()
            go_on.wait(20)
            kept.append(getattr(checkpoint, "size", 0))
            return ""

    found = Messenger(Slow("https://witness.test"), connect)
    found.start()
    record = made(10)
    found.give(1, record.sign(1))
    assert entered.wait(10)
    for size in range(2, 11):
        found.give(size, record.sign(size))
    go_on.set()
    wait_for(lambda: len(kept) == 2, "both")
    found.stop(10)
    assert kept == [1, 10]
    assert found.taken() == [(1, ""), (10, "")]
