"""What scrolls is reached by keyboard and has a name, without script too: in every template."""

import re

from django.template import Context, Template

from tests.pages.web import PROJECT

TEMPLATES = sorted((PROJECT / "templates").rglob("*.html"))
SHEETS = sorted((PROJECT / "static" / "css").glob("*.css"))
SCROLLS = re.compile(r"([^{}]+)\{[^{}]*overflow(?:-[xy])?:\s*(?:auto|scroll)")
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
OPENING = re.compile(r"<[a-z]+\b(?:\{%.*?%\}|[^>])*>")
CONTROLS_INSIDE = {
    "nav-more": "links to pages",
    "waiting": "links to requests",
    "audit-entry": "links to the entry's thing and its proof",
}
"""What scrolls and always holds something to focus."""


def scrollers() -> set[str]:
    """Class of each box that a sheet lets scroll: the last one its selector names."""
    found = [
        re.findall(r"\.([\w-]+)", one)[-1]
        for sheet in SHEETS
        for rule in SCROLLS.findall(COMMENT.sub("", sheet.read_text()))
        for one in rule.split(",")
    ]
    return set(found)


def boxes(css: str) -> list[tuple[str, str]]:
    """(template, opening tag) of each element of class ``css``, as it is written."""
    of = re.compile(rf'class="[^"]*(?<![\w-]){css}(?![\w-])')
    return [
        (file.name, tag)
        for file in TEMPLATES
        for tag in OPENING.findall(file.read_text())
        if of.search(tag)
    ]


def test_the_tag_makes_a_box_that_is_reached_and_named() -> None:
    made = Template('{% load frame %}<div {% scroll name "pad" %}>').render(
        Context({"name": 'Holds & "lifts"'})
    )
    assert made == (
        '<div class="scroll pad" tabindex="0" role="group"'
        ' aria-label="Holds &amp; &quot;lifts&quot;">'
    )


def test_no_template_makes_such_a_box_by_hand() -> None:
    assert boxes("scroll") == []
    made = sum(file.read_text().count("{% scroll ") for file in TEMPLATES)
    assert made >= 30


def test_whatever_else_scrolls_is_reached_and_named_or_holds_controls() -> None:
    others = scrollers() - {"scroll"}
    assert set(CONTROLS_INSIDE) <= others
    bare = [
        (css, file, tag)
        for css in others - set(CONTROLS_INSIDE)
        for file, tag in boxes(css)
        if not ('tabindex="0"' in tag and "aria-label" in tag) and 'id="stop-choose"' not in tag
    ]
    assert bare == [], "fields of a stop are within its choices"
    assert all(boxes(css) for css in others), "each is somewhere"
