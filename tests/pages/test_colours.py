"""Colours that mean something, as the three deficiencies of colour vision see them.

Computed from the tokens: two that must be told apart by colour are far apart for every eye, and
every two that are not are known, with the sign or the word that stands beside them.
"""

import itertools
import re
from collections.abc import Iterator

import pytest

from tests.pages.web import PROJECT
from tests.support.colour import SIMULATED, distance, seen

CSS = PROJECT / "static" / "css"
TOKEN = re.compile(r"--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)")
TOKENS = {name: pair for name, *pair in TOKEN.findall((CSS / "tokens.css").read_text())}
THEMES = {"light": 0, "dark": 1}
FAR = 20.0
"""CIEDE2000; 2.3 is just seen side by side, and black from white is 100."""

TOLD_APART = (
    ("rise", "fall"), ("rise", "ink"), ("fall", "ink"), ("rise", "halt"), ("rise", "halt-text"),
    ("rise", "caution"), ("caution", "halt"), ("halt", "page"), ("halt", "ink"),
    ("caution-text", "page"), ("caution-text", "ink"), ("halt-text", "ink"),
    ("halt-text", "page"), ("paper", "page"), ("paper", "halt"), ("paper", "caution"),
)  # fmt: skip
MEANING = ("rise", "fall", "caution", "caution-text", "halt", "halt-text", "paper")
BESIDE = {
    ("rise", "paper"): "a gain has + and an arrow; what is paper is named: paper, sim, shadow",
    ("fall", "caution"): "a loss has − and an arrow; caution is a fill with its word on it",
    ("fall", "caution-text"): "a loss has − and an arrow; near a limit the figure stands beside",
    ("fall", "halt"): "a loss has − and an arrow; a stop is a fill with ■ and its word",
    ("fall", "halt-text"): "a loss has − and an arrow; an inherited stop has ■ and its word",
    ("caution", "caution-text"): "one is the edge of the other",
    ("caution", "halt-text"): "a fill with its word; ■ and its word",
    ("caution-text", "halt"): "the figure in percent; a fill with ■ and its word",
    ("caution-text", "halt-text"): "the figure in percent beside each bar",
    ("halt", "halt-text"): "both mean stopped: own is a fill, inherited an outline",
}


def distances(one: str, other: str) -> Iterator[tuple[str, str, float]]:
    """(theme, deficiency, CIEDE2000) of two tokens."""
    for (theme, at), eye in itertools.product(THEMES.items(), SIMULATED):
        yield theme, eye, distance(seen(TOKENS[one][at], eye), seen(TOKENS[other][at], eye))


@pytest.mark.parametrize(
    ("one", "other", "wanted"),
    [
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, 2.5, 0), (58, 24, 15), 19.4535),
        ((22.7233, 20.0904, -46.6940), (23.0331, 14.9730, -42.5619), 2.0373),
        ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ],
)
def test_the_distance_is_that_of_its_authors_data(
    one: tuple[float, float, float], other: tuple[float, float, float], wanted: float
) -> None:
    assert distance(one, other) == pytest.approx(wanted, abs=1e-4)


def test_what_colour_tells_apart_is_far_apart_for_every_eye() -> None:
    close = [
        f"{one}, {other}: {apart:.1f} {theme} {eye}"
        for one, other in TOLD_APART
        for theme, eye, apart in distances(one, other)
        if apart < FAR
    ]
    assert close == []


def test_what_is_close_for_some_eye_is_known_and_has_something_beside_it() -> None:
    close = {
        pair
        for pair in itertools.combinations(MEANING, 2)
        if min(apart for _, _, apart in distances(*pair)) < FAR
    }
    assert close == set(BESIDE)


def test_no_sheet_names_a_colour_of_its_own() -> None:
    """So that the tokens are all the colours there are; a shadow is black, as is Stop on red."""
    named = re.compile(r"#[0-9a-fA-F]{3,8}\b(?![^{]*\{)|\b(?:rgb|hsl|oklch)a?\(")
    found = [
        f"{sheet.name}: {line.strip()}"
        for sheet in sorted(CSS.glob("*.css"))
        if sheet.name != "tokens.css"
        for line in sheet.read_text().splitlines()
        if named.search(line) and "rgb(0 0 0" not in line and "#000000" not in line
    ]
    assert found == []
