"""A printed table: pages with a head, rows whose text wraps, and a foot with page numbers."""

import functools
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

from django.conf import settings
from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus.paragraph import Paragraph

TEXT, BOLD, MONO = "DejaVuSansCondensed", "DejaVuSansCondensed-Bold", "DejaVuSansMono"
WIDTH, HEIGHT = landscape(A4)
MARGIN, FOOT, PAD = 34.0, 40.0, 4.0
_INK, _DIM, _RULE = HexColor("#0e141a"), HexColor("#5d6975"), HexColor("#c4cbd2")
LONGEST = 1_200
"""Characters of one cell; a row is never higher than a page."""
CUT = "… (cut here)"


@dataclass(frozen=True)
class Column:
    head: str
    width: float


@functools.cache
def _glyphs() -> frozenset[int]:
    """Registers the fonts; characters that they have."""
    folder = settings.BASE_DIR / "node_modules" / "dejavu-fonts-ttf" / "ttf"
    fonts = [TTFont(name, str(folder / f"{name}.ttf")) for name in (TEXT, BOLD, MONO)]
    for one in fonts:
        pdfmetrics.registerFont(one)
    return frozenset.intersection(*(frozenset(one.face.charToGlyph) for one in fonts[:2]))


def shown(text: str, most: int = LONGEST) -> str:
    """As it can be printed, and safe in markup: what no font has is named by its number."""
    cut = text if len(text) <= most else text[:most] + CUT
    glyphs = _glyphs()
    return escape("".join(
        one if ord(one) in glyphs and one.isprintable() else f"[U+{ord(one):04X}]" for one in cut
    ))  # fmt: skip


def dim(text: str) -> str:
    return f'<font color="#5d6975">{text}</font>'


def bold(text: str) -> str:
    return f'<font name="{BOLD}">{text}</font>'


def mono(text: str) -> str:
    return f'<font name="{MONO}" size="6" color="#5d6975">{text}</font>'


def _style(size: float, lead: float, font: str = TEXT, color: Any = _INK) -> ParagraphStyle:
    return ParagraphStyle(
        f"{font}-{size}", fontName=font, fontSize=size, leading=lead, textColor=color,
        splitLongWords=1,
    )  # fmt: skip


class _Numbered(Canvas):
    """Keeps its pages until the end, when it is known how many there are."""

    def __init__(self, out: io.BytesIO, foot: str) -> None:
        super().__init__(out, pagesize=(WIDTH, HEIGHT))
        self._foot = foot
        self._kept: list[dict[str, Any]] = []

    def showPage(self) -> None:  # noqa: N802 - reportlab's name
        self._kept.append(dict(self.__dict__))
        self._startPage()  # type: ignore[attr-defined] # not in its stubs

    def save(self) -> None:
        for number, page in enumerate(self._kept, 1):
            self.__dict__.update(page)
            self.setStrokeColor(_RULE)
            self.line(MARGIN, FOOT - 8, WIDTH - MARGIN, FOOT - 8)
            self.setFont(TEXT, 7)
            self.setFillColor(_DIM)
            self.drawString(MARGIN, FOOT - 18, self._foot)
            self.drawRightString(
                WIDTH - MARGIN, FOOT - 18, f"page {number} of {len(self._kept)}"
            )  # fmt: skip
            super().showPage()
        super().save()


class Sheet:
    """Written from the top down. Text is markup: what was not said here goes through ``shown``."""

    def __init__(self, title: str, author: str, foot: str, columns: Sequence[Column]) -> None:
        _glyphs()
        self._out = io.BytesIO()
        self._canvas = _Numbered(self._out, foot)
        self._canvas.setTitle(title)
        self._canvas.setAuthor(author)
        self._columns = columns
        self._y = HEIGHT - MARGIN
        self._cell = _style(7.5, 9.5)
        self._head = _style(7, 9, color=_DIM)

    def title(self, text: str) -> None:
        self._put(text, _style(18, 24, BOLD), 10)

    def section(self, text: str) -> None:
        self.gap()
        self._put(text, _style(10, 14, BOLD), 2)

    def gap(self) -> None:
        self._y -= 12

    def text(self, text: str) -> None:
        self._put(text, _style(8.5, 12), 8)

    def code(self, lines: Sequence[str]) -> None:
        for one in lines:
            self._put(shown(one) or "&nbsp;", _style(7, 9.5, MONO), 0)
        self._y -= 8

    def fact(self, name: str, value: str) -> None:
        style = _style(8.5, 12)
        self._row([(name, 110, _style(8.5, 12, color=_DIM)), (value, 620, style)], rule=False)

    def table_begin(self) -> None:
        """On a page of its own, so that its head stands at the top of each."""
        self._next_page()
        self._table_head()

    def row(self, cells: Sequence[str]) -> None:
        made = self._wrapped([
            (text, column.width, self._cell)
            for text, column in zip(cells, self._columns, strict=True)
        ])  # fmt: skip
        if self._y - self._height(made) < FOOT:
            self._next_page()
            self._table_head()
        self._draw(made, rule=True)

    def end(self) -> bytes:
        self._canvas.showPage()
        self._canvas.save()
        return self._out.getvalue()

    def _table_head(self) -> None:
        self._row([(one.head, one.width, self._head) for one in self._columns], rule=True)

    def _row(self, cells: Sequence[tuple[str, float, ParagraphStyle]], *, rule: bool) -> None:
        made = self._wrapped(cells)
        if self._y - self._height(made) < FOOT:
            self._next_page()
        self._draw(made, rule=rule)

    def _wrapped(
        self, cells: Sequence[tuple[str, float, ParagraphStyle]]
    ) -> list[tuple[Paragraph, float, float]]:
        """Each with its width and height."""
        made = []
        for text, width, style in cells:
            one = Paragraph(text, style)
            _, height = one.wrap(width - 2 * PAD, HEIGHT)
            made.append((one, width, height))
        return made

    def _height(self, made: Sequence[tuple[Paragraph, float, float]]) -> float:
        return max(height for _, _, height in made) + 2 * PAD

    def _draw(self, made: Sequence[tuple[Paragraph, float, float]], *, rule: bool) -> None:
        x = MARGIN
        for one, width, height in made:
            one.drawOn(self._canvas, x, self._y - PAD - height)
            x += width
        self._y -= self._height(made)
        if rule:
            self._canvas.setStrokeColor(_RULE)
            self._canvas.setLineWidth(0.5)
            self._canvas.line(MARGIN, self._y, x, self._y)

    def _put(self, text: str, style: ParagraphStyle, after: float) -> None:
        one = Paragraph(text, style)
        _, height = one.wrap(WIDTH - 2 * MARGIN, HEIGHT)
        if self._y - height < FOOT:
            self._next_page()
        one.drawOn(self._canvas, MARGIN, self._y - height)
        self._y -= height + after

    def _next_page(self) -> None:
        self._canvas.showPage()
        self._y = HEIGHT - MARGIN
