"""What a kept report rests on, from its body: data, and what was taken for granted. Pure."""

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

_SHORT = 12
_ASSUMED = {
    "spread_bp": "spread of bars, bp", "slippage_bp": "extra slippage, bp",
    "book": "gross limit of the firm, USD",
}  # fmt: skip


def assumed_of(body: Mapping[str, Any], name: str) -> Decimal | None:
    """``spread_bp``, ``slippage_bp`` or ``book``; None where the report does not say."""
    given = body.get("bound", {}).get("assumed", {}).get(name)
    try:
        return None if given is None else Decimal(str(given))
    except InvalidOperation:
        return None


def rests_of(body: Mapping[str, Any], release: str) -> list[tuple[str, str]]:
    """Name and value of each, as pages show them: files by name, lines and SHA-256. ``release``:
    digest of the code that runs now."""
    code = body.get("bound", {}).get("code", "")
    whose = "of this release" if code == release else "of another release"
    files = [(f"Data: {one['name']}", _file(one)) for one in _data(body)]
    assumed = [(words, _shown(assumed_of(body, name))) for name, words in _ASSUMED.items()]
    return [
        *(files or [("Data", "not known")]),
        *((f"Assumed: {words}", value) for words, value in assumed),
        ("Code", f"{code[:_SHORT]}, {whose}" if code else "not known"),
    ]


def rests_words(body: Mapping[str, Any]) -> str:
    """The same in one line, without the code: what whoever signs has to know of it."""
    files = [f"{one['name']} {one['sha256'][:_SHORT]}" for one in _data(body)]
    assumed = [f"{words} {_shown(assumed_of(body, name))}" for name, words in _ASSUMED.items()]
    return f"on {', '.join(files) or 'data not known'}; assumed: {'; '.join(assumed)}"


def _data(body: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    found: Sequence[Mapping[str, Any]] = body.get("bound", {}).get("data", ())
    return found


def _file(one: Mapping[str, Any]) -> str:
    return f"{one['lines']:,} lines, sha256 {one['sha256'][:_SHORT]}"


def _shown(value: Decimal | None) -> str:
    return "not known" if value is None else f"{value.normalize():,f}"
