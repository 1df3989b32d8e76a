"""What a node of a document may be: a value, a list, an object with named fields, a free map. Pure.

Reading goes on after a problem, so that one run names all of them.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from yaml import nodes

from audit.canonical import LARGEST_INTEGER
from trading.engines.composing import line_of
from trading.engines.problems import Problem, error
from trading.engines.units import UnitError

MOST_ITEMS = 100
MOST_TEXT = 300
_TAG = "tag:yaml.org,2002:"
_KINDS = {
    "str": "a text", "int": "a number", "float": "a number", "bool": "true or false",
    "null": "nothing", "timestamp": "a date", "map": "an object", "seq": "a list",
}  # fmt: skip


KEPT = "kept, not applied here"
"""What a field does here that this desk has nothing for: its words in docs/engine.md."""


@dataclass(slots=True)
class Read:
    """What reading found: ``lines`` of each field, item and name by its path."""

    problems: list[Problem] = field(default_factory=list)
    lines: dict[str, int] = field(default_factory=dict)

    def refuse(self, node: nodes.Node, path: str, text: str) -> None:
        self.problems.append(error(line_of(node), path, text))


def nearest_line(lines: Mapping[str, int], path: str) -> int:
    """Of what stands at ``path``, or of the nearest that there is above it; 0 of none."""
    while path and path not in lines:
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
    return lines.get(path, 0)


Found = tuple[Any, Any]
"""A value as it was written (JSON) and as it is meant; None twice where it is none."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """One value. ``kinds``: tags that it may have; ``parse`` takes it as text, raises ValueError
    whose message says what it must be."""

    parse: Callable[[str], Any]
    kinds: tuple[str, ...] = ("str",)
    wanted: str = "a text"

    def read(self, node: nodes.Node, path: str, into: Read) -> Found:
        kind = node.tag.removeprefix(_TAG)
        if not isinstance(node, nodes.ScalarNode) or kind not in self.kinds:
            into.refuse(node, path, f"must be {self.wanted}, not {_said(node, kind)}")
            return None, None
        if len(node.value) > MOST_TEXT or _unstorable(node.value):
            into.refuse(node, path, f"must have {MOST_TEXT} characters at most, none of them NUL")
            return None, None
        try:
            meant = self.parse(node.value)
        except (UnitError, ValueError) as problem:
            into.refuse(node, path, str(problem))
            return None, None
        return _written(kind, node.value, meant), meant


@dataclass(frozen=True, slots=True)
class ListOf:
    """``least`` of them or more; ``distinct``: none twice."""

    item: "Shape"
    least: int = 0
    distinct: bool = True

    def read(self, node: nodes.Node, path: str, into: Read) -> Found:
        if not isinstance(node, nodes.SequenceNode):
            kind = node.tag.removeprefix(_TAG)
            into.refuse(
                node, path, f"must be a list (lines that begin with -), not {_said(node, kind)}"
            )
            return None, None
        if not self.least <= len(node.value) <= MOST_ITEMS:
            into.refuse(
                node, path, f"must have {self.least} to {MOST_ITEMS} items, not {len(node.value)}"
            )
            return None, None
        for at, one in enumerate(node.value):
            into.lines[f"{path}[{at}]"] = line_of(one)
        found = [self.item.read(one, f"{path}[{at}]", into) for at, one in enumerate(node.value)]
        written = [one[0] for one in found]
        if self.distinct:
            _check_distinct(node, written, path, into)
        return written, [one[1] for one in found]


@dataclass(frozen=True, slots=True)
class Field:
    """``use``: what it does here, in words; empty for an object, whose fields say it."""

    name: str
    shape: "Shape"
    use: str = ""
    required: bool = False


@dataclass(frozen=True, slots=True)
class Object:
    fields: tuple[Field, ...]

    def read(self, node: nodes.Node, path: str, into: Read) -> Found:
        pairs = _pairs(node, path, into)
        if pairs is None:
            return None, None
        known = {one.name: one for one in self.fields}
        written: dict[str, Any] = {}
        meant: dict[str, Any] = {}
        for name, (key, value) in pairs.items():
            inner = f"{path}.{name}" if path else name
            if name not in known:
                there = ", ".join(known)
                into.refuse(key, inner, f"is no field of {path or 'a document'}: it has {there}")
                continue
            into.lines[inner] = line_of(key)
            written[name], meant[name] = known[name].shape.read(value, inner, into)
        for one in self.fields:
            if one.required and one.name not in pairs:
                inner = f"{path}.{one.name}" if path else one.name
                into.refuse(node, inner, "is missing: give it")
        return written, meant


@dataclass(frozen=True, slots=True)
class MapOf:
    """Names of the writer's own, each with a ``value``."""

    value: "Shape"

    def read(self, node: nodes.Node, path: str, into: Read) -> Found:
        pairs = _pairs(node, path, into)
        if pairs is None:
            return None, None
        for name, (key, _) in pairs.items():
            into.lines[f"{path}.{name}"] = line_of(key)
        found = {
            name: self.value.read(value, f"{path}.{name}", into)
            for name, (_, value) in pairs.items()
        }
        written = {name: one[0] for name, one in found.items()}
        return written, {name: one[1] for name, one in found.items()}


Shape = Leaf | ListOf | Object | MapOf


def _pairs(
    node: nodes.Node, path: str, into: Read
) -> Mapping[str, tuple[nodes.Node, nodes.Node]] | None:
    """Key and value by name; each name once. None, refused, for what is no mapping."""
    if not isinstance(node, nodes.MappingNode):
        kind = node.tag.removeprefix(_TAG)
        into.refuse(node, path, f"must be an object with fields, not {_said(node, kind)}")
        return None
    found: dict[str, tuple[nodes.Node, nodes.Node]] = {}
    for key, value in node.value:
        name = str(key.value)[:80] if isinstance(key, nodes.ScalarNode) else ""
        inner = f"{path}.{name}" if path else name
        if not name or _unstorable(name) or len(str(key.value)) > 80:
            into.refuse(key, path, "a field's name is a text of 1 to 80 characters")
        elif name in found:
            first = line_of(found[name][0])
            into.refuse(key, inner, f"stands there twice, in line {first} too: remove one")
        else:
            found[name] = (key, value)
    return found


def _said(node: nodes.Node, kind: str) -> str:
    what = _KINDS.get(kind, kind)
    return (
        f"{what} ({node.value[:40]})" if isinstance(node, nodes.ScalarNode) and node.value else what
    )


def _written(kind: str, text: str, meant: Any) -> Any:
    """As JSON has it. A whole number that not every JSON reader keeps, or a number in a form that
    only YAML knows, stays its text."""
    if kind == "bool":
        return meant
    try:
        found = int(text) if kind == "int" else float(text) if kind == "float" else text
    except ValueError:
        return text
    return text if isinstance(found, int) and abs(found) > LARGEST_INTEGER else found


def _unstorable(text: str) -> bool:
    """Whether it has a character that neither JSON nor the database keeps."""
    return "\0" in text or any("\ud800" <= one <= "\udfff" for one in text)


def _check_distinct(node: nodes.SequenceNode, written: list[Any], path: str, into: Read) -> None:
    for at, one in enumerate(written):
        if one is not None and one in written[:at]:
            into.refuse(node.value[at], f"{path}[{at}]", f"{one!r} stands there twice: once")


def fields_of(shape: Shape, path: str = "") -> Iterator[tuple[str, str]]:
    """Path and use of every field, in order. A list's items stand under its path with []."""
    if isinstance(shape, ListOf):
        yield from fields_of(shape.item, f"{path}[]")
    elif isinstance(shape, Object):
        for one in shape.fields:
            inner = f"{path}.{one.name}" if path else one.name
            if one.use:
                yield inner, one.use
            else:
                yield from fields_of(one.shape, inner)
