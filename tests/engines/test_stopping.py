"""The stop in a document that is refused: found all the same, and as quickly."""

import time

import pytest

from riskctl.holds import Kind
from tests.engines.documents import document
from trading.engines.problems import EngineInvalidError
from trading.engines.reading import read_engine
from trading.engines.stopping import stop_in_document, stop_in_patch

OFF = document(riskLimit="0%")
ODD: dict[str, bytes | str] = {
    "an anchor elsewhere": OFF.replace("name: Fills", "name: &a Fills"),
    "an alias": OFF.replace("type: momentum", "type: &z 0%").replace(
        "riskLimit: 0%", "riskLimit: *z"
    ),
    "an object by alias": OFF.replace("strategy:", "old: &s", 1) + "  strategy: *s\n",
    "a tag elsewhere": OFF.replace("name: Fills", "name: !!python/object/apply:os.system [x]"),
    "a second document": f"{OFF}---\na: 1\n",
    "of two the second": f"a: 1\n---\n{OFF}",
    "an end that begins anew": f"{OFF}---\n",
    "twice": OFF.replace("riskLimit: 0%", "riskLimit: 1%\n    riskLimit: 0%"),
    "a bare number": OFF.replace("riskLimit: 0%", "riskLimit: 0.00"),
    "noughts": OFF.replace("riskLimit: 0%", 'riskLimit: "00%"'),
    "a phase in small letters": f"{OFF}status: {{phase: emergency-stop}}\n",
    "no YAML behind it": f"{OFF}\tx: [",
    "a character of no YAML": f"# \x07\n{OFF}",
    "no UTF-8": b"# \xff\n" + OFF.encode(),
    "an escape of no character": f'{OFF}x: "\\UFFFFFFFF"\n',
    "no end": OFF + "# more\n" * 10_000,
}


@pytest.mark.parametrize("name", ODD)
def test_a_stop_is_found_where_the_document_is_refused(name: str) -> None:
    text = ODD[name]
    with pytest.raises(EngineInvalidError):
        read_engine(text)
    found = stop_in_document(text)
    assert found is not None
    assert (found.scope, found.kind) == ("strategy:mom-fx", Kind.KILL)


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("Emergency-Stop", Kind.KILL), ("emergency-stop", Kind.KILL), ("EmergencyStop", Kind.KILL),
        ("EMERGENCY_STOP ", Kind.KILL), ("paused", Kind.PAUSE), ("Active", None), ("", None),
    ],
)  # fmt: skip
def test_a_phase_is_understood_however_it_is_written(said: str, kind: Kind | None) -> None:
    for patch in ({"status": {"phase": said}}, {"spec": {"strategy": {"phase": said}}}):
        found = stop_in_patch("x", patch)
        assert (found and found.kind) == kind
    text = document().replace("type: momentum", f"type: momentum\n    phase: {said}")
    found = stop_in_document(text)
    assert (found and found.kind) == kind


def test_looking_for_a_stop_takes_no_longer_than_reading() -> None:
    """Each names the part that the next is looked for in some thousand times."""
    many = "\n".join(
        ["a: &n {x: 1}", "b: &a", *["  strategy: *n"] * 1_500, "metadata: {name: x}",
         *["spec: *a"] * 1_500, "spec: {strategy: {riskLimit: 0%}}"]
    )  # fmt: skip
    begun = time.process_time()
    assert stop_in_document(many) is not None
    for bomb in ("[" * 70_000, "{a: " * 16_000, "&a [*a, " * 8_000, "- " * 30_000, "? " * 30_000):
        assert stop_in_document(bomb) is None
        assert stop_in_document(f"{OFF}x: {bomb}") is not None
    assert time.process_time() - begun < 30  # not the product of all: it takes some seconds
