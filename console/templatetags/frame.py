"""What every page's frame says before any view has spoken: where its orders go, and the pages."""

from dataclasses import dataclass
from typing import Any

from django import template
from django.db import DatabaseError
from django.utils.html import format_html
from django.utils.safestring import SafeString

from trading.models import VenueAccount

register = template.Library()


@dataclass(frozen=True)
class Environment:
    """The word of the strip and of the title, what it means, and the class that draws it."""

    word: str
    note: str
    slug: str

    @property
    def known(self) -> bool:
        return self.slug != "unknown"


LIVE = Environment("LIVE", "Orders reach real venues", "live")
PAPER = Environment("PAPER", "Simulated venue, no real money", "paper")
UNREAD = Environment("UNKNOWN", "The database does not answer", "unknown")


@register.simple_tag
def environment() -> Environment:
    """LIVE as soon as one account reaches a real venue; unknown while nobody can say."""
    try:
        live = VenueAccount.objects.filter(live=True).exists()
    except DatabaseError:
        return UNREAD
    return LIVE if live else PAPER


@register.simple_tag
def scroll(label: str, also: str = "") -> SafeString:
    """Attributes of a box that scrolls sideways where it must: reached by keyboard, with a name.

    ``also``: more classes.
    """
    css = f"scroll {also}".strip()
    reached = 'class="{}" tabindex="0" role="group" aria-label="{}"'
    return format_html(reached, css, label)


@dataclass(frozen=True)
class Link:
    """A page of the navigation, what it is called, its letter after ``g``, and pages under it."""

    page: str
    word: str
    go: str = ""
    at: str = ""
    under: tuple[str, ...] = ()

    @property
    def address(self) -> str:
        """The name of its address: that of the page unless it is said."""
        return self.at or self.page


TABS = (
    Link("desk", "Desk", "d", under=("strategy",)),
    Link("risk", "Risk", "r", under=("limits", "triggers")),
    Link("approvals", "Approvals", "a"),
    Link("holds", "Holds", "h"),
)
"""Pages that have a tab of their own on a phone; beside them is More."""


@register.simple_tag
def nav_tabs() -> tuple[Link, ...]:
    return TABS


@register.simple_tag(takes_context=True)
def nav_more(context: Any) -> list[Link]:
    """The other pages that whoever looks may open."""
    viewer = context.get("viewer") or {}
    return [
        Link("performance", "Performance", "f"),
        Link("pipeline", "Pipeline", "p"),
        Link("engines", "Engines", "e"),
        *([Link("audit", "Audit", "u")] if viewer.get("record") else []),
        *([Link("people", "People", "x")] if viewer.get("people") else []),
        *([Link("access-review", "Access review", "v")] if viewer.get("people") else []),
        *(
            [Link("records", "Records", at="admin:index")]
            if "administrator" in viewer.get("roles", ())
            else []
        ),
    ]
