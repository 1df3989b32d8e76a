"""What pages say about the ways in of whoever looks."""

from typing import Any

from django import template
from django.urls import NoReverseMatch, reverse

from console.access import sessions
from console.access.factors.relying import relying_of
from console.access.factors.ways import Ways, ways_of

register = template.Library()


@register.simple_tag(takes_context=True)
def own_ways(context: Any) -> Ways | None:
    """In which ways the person at this page can give a second factor here."""
    request = context["request"]
    user = sessions.person(request).user
    return ways_of(user, relying_of(request)) if user is not None else None


@register.simple_tag
def address_of(name: str) -> str:
    """The address of that name, nothing when there is none."""
    try:
        return reverse(name)
    except NoReverseMatch:
        return ""
