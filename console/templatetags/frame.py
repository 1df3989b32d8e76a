"""What every page's frame says before any view has spoken: where its orders go."""

from dataclasses import dataclass

from django import template
from django.db import DatabaseError

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
