"""Every address and socket there is, read from the URLconf and from the ASGI application.

A pattern becomes a path as people write it: ``/api/strategies/{strategy}/pause``. A group that
only names alternatives (``approve|reject``) becomes one address for each.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

from channels.routing import ProtocolTypeRouter, URLRouter
from django.urls import URLPattern, URLResolver, get_resolver

CATCH_ALL = {"api-nothing-here": "/api/…", "nothing-here": "/…"}
"""Patterns that match whatever no other does, by name, and how they are written."""

_GROUP = re.compile(r"\(\?P<(\w+)>((?:[^()]|\((?:[^()]|\([^()]*\))*\))*)\)")
_CONVERTER = re.compile(r"<(?:\w+:)?(\w+)>")
_WORDS = re.compile(r"[\w\-]+(?:\|[\w\-]+)+")


@dataclass(frozen=True, slots=True)
class Address:
    """``path`` as it is written; ``values``: what its alternatives stand for; ``view``: answers."""

    path: str
    name: str
    values: tuple[tuple[str, str], ...]
    view: Any

    def example(self, arguments: dict[str, str]) -> str:
        """A path that leads here. Raises KeyError for an argument that is not given."""
        if self.name in CATCH_ALL:
            return self.path.replace("…", "no-such-thing")
        return re.sub(r"\{(\w+)\}", lambda found: arguments[found.group(1)], self.path)

    @property
    def parameters(self) -> list[str]:
        return re.findall(r"\{(\w+)\}", self.path)


def addresses() -> list[Address]:
    """Of the whole URLconf, in its order."""
    return list(_walked(get_resolver().url_patterns))


def sockets(application: ProtocolTypeRouter) -> list[Address]:
    """Every route behind the application's websocket door. Raises LookupError without a router."""
    inner: Any = application.application_mapping["websocket"]
    while not isinstance(inner, URLRouter):
        inner = getattr(inner, "inner", None)
        if inner is None:
            raise LookupError("the websocket application leads to no URLRouter")
    return list(_walked(inner.routes))


def _walked(
    patterns: list[Any], before: str = "", within: str = ""
) -> Iterator[Address]:  # fmt: skip
    for one in patterns:
        text = before + str(one.pattern)
        if isinstance(one, URLResolver):
            inside = f"{within}{one.namespace}:" if one.namespace else within
            yield from _walked(one.url_patterns, text, inside)
        elif isinstance(one, URLPattern):
            name = within + (one.name or "")
            for path, values in _written(text, name):
                yield Address(path, name, values, one.callback)


def _written(text: str, name: str) -> Iterator[tuple[str, tuple[tuple[str, str], ...]]]:
    """``text`` once for every choice of its alternatives."""
    if name in CATCH_ALL:
        yield CATCH_ALL[name], ()
        return
    groups = [
        (found.group(1), found.group(2).split("|"))
        for found in _GROUP.finditer(text)
        if _WORDS.fullmatch(found.group(2))
    ]
    for chosen in product(*(words for _, words in groups)):
        values = dict(zip((group for group, _ in groups), chosen, strict=True))
        yield _plain(text, values), tuple(values.items())


def _plain(text: str, values: dict[str, str]) -> str:
    def shown(found: re.Match[str]) -> str:
        name = found.group(1)
        return values.get(name) or f"{{{name}}}"

    path = _CONVERTER.sub(r"{\1}", _GROUP.sub(shown, text))
    path = path.replace("^", "").replace("\\", "").removesuffix("$").removesuffix("/?")
    return "/" + path.removeprefix("/")
