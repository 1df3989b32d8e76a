"""The page Performance: who made what, at which cost and how quickly, side by side."""

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from console.pages import formats
from console.pages.framing import framed
from console.pages.performanceread import (
    NAME,
    PERIODS,
    WORDS,
    Chosen,
    chosen,
    columns_of,
    performance_rows,
)
from trading.selectors.execution import By


@require_safe
def performance_page(request: HttpRequest) -> HttpResponse:
    """As of its loading: thirty days are dear, so nothing of it moves by itself."""
    page = framed(request, "performance")
    view = chosen(request.GET)
    sight = page.sight
    rows = performance_rows(view, page.now, sight.strategies)
    context = {
        **page.context,
        "rows": rows,
        "in_part": any(one.in_part for one in rows),
        "view": view,
        "word": WORDS[view.by],
        "period": PERIODS[view.period][0],
        "as_of": formats.clock(page.now),
        "columns": _columns(view),
        "bys": [(view.address(by=one, **_sort(view, one)), word, one is view.by)
                for one, word in WORDS.items()],
        "periods": [(view.address(period=one), word, one == view.period)
                    for one, (word, _) in PERIODS.items()],
        "only": [(name, value, _without(view, name)) for name, value in view.only.items()],
        "blind": sight.strategies == frozenset(),
        "rest": f"{reverse('api-performance')}?{urlencode(_asked(view))}",
    }  # fmt: skip
    return render(request, "pages/performance.html", context)


def _asked(view: Chosen) -> dict[str, str]:
    """The same of REST."""
    return {"by": str(view.by), "period": view.period, **view.only}


def _sort(view: Chosen, by: By) -> dict[str, Any]:
    """As now, unless rows of ``by`` have no such column."""
    if view.sort == NAME or view.sort in columns_of(by):
        return {}
    return {"sort": NAME, "down": False}


def _without(view: Chosen, name: str) -> str:
    return view.address(only={one: value for one, value in view.only.items() if one != name})


def _columns(view: Chosen) -> list[dict[str, str]]:
    """Heads: where each sorts to, figures from the greatest, and how it is sorted now."""
    heads = [(NAME, WORDS[view.by], "", False)]
    heads += [(name, one.label, one.unit, True) for name, one in columns_of(view.by).items()]
    return [
        {
            "label": label, "unit": unit, "css": "num" if figure else "",
            "href": view.address(sort=name, down=not view.down if name == view.sort else figure),
            "sorted": ("descending" if view.down else "ascending") if name == view.sort else "",
        }
        for name, label, unit, figure in heads
    ]  # fmt: skip
