"""The way from a thing on a page to its history in the record, for whoever may read that."""

from typing import Any
from urllib.parse import urlencode

from django import template
from django.urls import reverse
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString

register = template.Library()
OF_PEOPLE = frozenset({"user", "token", "session", "access-review", "escalation"})
"""Kinds whose entries whoever reads any of the record reads."""


@register.simple_tag(takes_context=True)
def history(
    context: Any, kind: str, ident: object, of: str = "", words: str = "History"
) -> SafeString:
    """A link to the entries on ``kind:ident``; nothing for who may not read them.

    ``of``: what it is called, for who hears the link without its row.
    """
    return _link(context, words, of, kind, object=f"{kind}:{ident}" if ident else kind)


@register.simple_tag(takes_context=True)
def story(context: Any, ident: object, of: str = "", words: str = "Story") -> SafeString:
    """A link to what hangs together with ``ident``; as ``history``."""
    return _link(context, words, of, "", story=str(ident))


@register.simple_tag(takes_context=True)
def told(context: Any, ident: object, words: str) -> SafeString:
    """``words``, as a link to the story of ``ident``, where that may be read."""
    said = _link(context, words, "", "", "to-record-name", story=str(ident))
    return said or conditional_escape(words)


@register.simple_tag(takes_context=True)
def mentions(context: Any, name: str, words: str) -> SafeString:
    """``words``, as a link to all that ``name`` did and all that was done to it, where that may be
    read."""
    return _link(context, words, "", "", "to-record-name", q=name) or conditional_escape(words)


def _link(
    context: Any, words: str, of: str, kind: str, name: str = "to-record", **query: str
) -> SafeString:
    viewer = context.get("viewer") or {}
    if not viewer.get("record" if kind in OF_PEOPLE else "whole_record"):
        return SafeString("")
    href = f"{reverse('audit')}?{urlencode(query, safe=':/')}"
    heard = format_html('<span class="sr"> of {}</span>', of) if of else ""
    return format_html('<a class="{}" href="{}">{}{}</a>', name, href, words, heard)
