"""From text to a tree of YAML nodes that know their lines, or to the first thing that is wrong.

Nothing is constructed: no tag makes an object. What could grow (aliases, depth, length) is refused
on the events of the parser, before a tree is made.

``sketched`` is for stops: it refuses nothing, and goes as far as the text can be made out.
"""

import contextlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

import yaml
from yaml import events, nodes

from trading.engines.problems import EngineInvalidError, error

MOST_BYTES = 65_536
MOST_NODES = 5_000
MOST_DEPTH = 20
_PLAIN_TAG = re.compile(r"(tag:yaml\.org,2002:(str|int|float|bool|null|map|seq|timestamp)|!)")


def compose(raw: bytes | str) -> nodes.MappingNode:
    """The document's root. Raises EngineInvalidError naming the line."""
    text = _text(raw)
    try:
        _check_events(text)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except EngineInvalidError:
        raise
    except yaml.MarkedYAMLError as problem:
        raise _refused(*_marked(problem)) from None
    except yaml.YAMLError as problem:  # a character that no YAML has
        at = getattr(problem, "position", 0) or 0
        line = text.count("\n", 0, at) + 1
        raise _refused(line, "it has a character that YAML does not allow: remove it") from None
    except (ValueError, OverflowError):  # of the parser itself, which says no line
        text = "it has an escape of no character, or a %YAML of no version: remove it"
        raise _refused(0, text) from None
    if not isinstance(root, nodes.MappingNode):
        raise _refused(1, "it is no mapping: begin with apiVersion, kind, metadata and spec")
    return root


def line_of(node: nodes.Node) -> int:
    return int(node.start_mark.line) + 1


def _text(raw: bytes | str) -> str:
    size = len(raw if isinstance(raw, bytes) else raw.encode(errors="surrogatepass"))
    if size > MOST_BYTES:
        raise _refused(0, f"it has {size} bytes: {MOST_BYTES} at most, so leave out what is not it")
    if isinstance(raw, str):
        return raw
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = raw.count(b"\n", 0, problem.start) + 1
        raise _refused(line, "it is no UTF-8 text: save it as UTF-8") from None


def _check_events(text: str) -> None:
    depth = count = documents = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line = event.start_mark.line + 1 if event.start_mark else 0
        if isinstance(event, events.DocumentStartEvent):
            documents += 1
        elif isinstance(event, events.NodeEvent):
            count += 1
            _check_node(event, line)
        depth += isinstance(event, events.CollectionStartEvent)
        depth -= isinstance(event, events.CollectionEndEvent)
        if documents > 1:
            raise _refused(line, "a second document begins: one file says one TradingEngine")
        if depth > MOST_DEPTH or count > MOST_NODES:
            raise _refused(
                line, f"it goes deeper than {MOST_DEPTH} levels or has over {MOST_NODES} values"
            )


def _check_node(event: events.NodeEvent, line: int) -> None:
    if event.anchor is not None:
        raise _refused(
            line, f"'{event.anchor[:40]}': anchors and aliases are refused: write it out"
        )
    tag = getattr(event, "tag", None)
    if tag is not None and not _PLAIN_TAG.fullmatch(tag):
        raise _refused(line, f"tag {tag[:60]}: tags are refused: write the plain value")


def _marked(problem: yaml.MarkedYAMLError) -> tuple[int, str]:
    mark = problem.problem_mark or problem.context_mark
    said = " ".join(part for part in (problem.context, problem.problem) if part)
    return (mark.line + 1 if mark else 0), f"{said}: mend the YAML there"


# Leniently ---------------------------------------------------------------------------------------

_DEEPEST = 100
_ODD = re.compile(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(slots=True, eq=False)
class Sketch:
    """A mapping: keys and values in turn, as far as they stand there. Of a list: nothing."""

    mapping: bool
    said: list["Sketch | str | None"] = field(default_factory=list)

    def at(self, name: str) -> "Iterable[Sketch | str | None]":
        pairs = zip(self.said[::2], self.said[1::2], strict=False) if self.mapping else ()
        return (value for key, value in pairs if key == name)


def sketched(raw: bytes | str) -> list[Sketch]:
    """A sketch of each document in it: aliases followed, tags ignored, keys as often as they stand
    there. What comes behind an error, or beyond MOST_BYTES, is not seen."""
    text = raw.decode("utf-8-sig", errors="replace") if isinstance(raw, bytes) else raw
    if len(text) > MOST_BYTES:
        text = text[: text.rfind("\n", 0, MOST_BYTES) + 1]
    top, named = Sketch(mapping=False), dict[str, Sketch | str | None]()
    within = [top]
    with contextlib.suppress(yaml.YAMLError, ValueError, OverflowError):
        for event in yaml.parse(_ODD.sub("?", text), Loader=yaml.SafeLoader):
            if isinstance(event, events.CollectionEndEvent):
                within.pop()
            elif isinstance(event, events.NodeEvent):
                one = _sketch(event, named)
                within[-1].said.append(one)
                if isinstance(event, events.CollectionStartEvent) and isinstance(one, Sketch):
                    within.append(one)
            if len(within) > _DEEPEST:
                break
    return [one for one in top.said if isinstance(one, Sketch)]


def _sketch(event: events.NodeEvent, named: dict[str, Sketch | str | None]) -> Sketch | str | None:
    if isinstance(event, events.AliasEvent):
        return named.get(str(event.anchor))
    one: Sketch | str = (
        str(event.value) if isinstance(event, events.ScalarEvent)
        else Sketch(mapping=isinstance(event, events.MappingStartEvent))
    )  # fmt: skip
    if event.anchor is not None:
        named[str(event.anchor)] = one
    return one


def scalars_at(root: Sketch, path: Iterable[str]) -> list[str]:
    """Every scalar that stands at ``path``; a part that stands there by many ways is looked at
    once."""
    found: list[Sketch | str | None] = [root]
    for name in path:
        inner = [value for one in found if isinstance(one, Sketch) for value in one.at(name)]
        found = list({id(one): one for one in inner}.values())
    return [one for one in found if isinstance(one, str)]


def _refused(line: int, text: str) -> EngineInvalidError:
    return EngineInvalidError([error(line, "", text)])
