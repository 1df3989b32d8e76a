"""From text to a tree of YAML nodes that know their lines, or to the first thing that is wrong.

Nothing is constructed: no tag makes an object. What could grow (aliases, depth, length) is refused
on the events of the parser, before a tree is made.
"""

import re

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
    except yaml.MarkedYAMLError as problem:
        raise _refused(*_marked(problem)) from None
    except yaml.YAMLError as problem:  # a character that no YAML has
        at = getattr(problem, "position", 0) or 0
        line = text.count("\n", 0, at) + 1
        raise _refused(line, "it has a character that YAML does not allow: remove it") from None
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


def _refused(line: int, text: str) -> EngineInvalidError:
    return EngineInvalidError([error(line, "", text)])
