"""The record: searched, followed from entry to entry, and live at its newest end."""

import datetime as dt
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from audit.families import GROUPS
from audit.models import ActorKind, Outcome
from audit.reading import SearchTooWideError, entries_read, entry_get
from audit.search import Search
from console.access.record_readers import exports_record, record_families
from console.access.rights import page_actor
from console.access.roles import ROLES, reads_people
from console.access.saved_views import NAME_MOST, view_delete, view_save, views_of
from console.api.audit_query import STORY, cursor_of, place_of, search_of
from console.pages import auditwords, formats
from console.pages.auditask import Asked, asked, ranges
from console.pages.auditproof import proof_view
from console.pages.auditread import audit_href, detail_of, lines_of
from console.pages.auditstanding import standing_line
from console.pages.auditstory import story_view
from console.pages.desk import owner_names
from console.pages.framing import Framed, framed
from riskctl.approvals import RequestError

SHOWN = 50
TOO_WIDE = "It takes too long to find out. Narrow it: by a time, a person, an object or an action."


@require_safe
def audit_page(request: HttpRequest) -> HttpResponse:
    """The list or a story, and one entry beside it."""
    families = record_families(page_actor(request).roles)
    return _page(request, families, asked(request.GET))


@require_safe
def audit_tail(request: HttpRequest) -> HttpResponse:
    """The newest entries alone, asked for again and again while the list is open at them."""
    families = record_families(page_actor(request).roles)
    try:
        page = entries_read(Search(families=families), limit=SHOWN)
    except SearchTooWideError:
        return HttpResponse(TOO_WIDE, status=400, content_type="text/plain")
    context = {
        "lines": lines_of(page.entries, owner_names()),
        "tail_at": formats.clock(dt.datetime.now(dt.UTC)),
    }
    return render(request, "parts/audit_list.html", context)


@require_POST
def view_saved(request: HttpRequest) -> HttpResponse:
    """Keep the search under a name."""
    actor = page_actor(request)
    families = record_families(actor.roles)
    here = asked(QueryDict(request.POST.get("query", "")))
    if here.error is not None:
        return _page(request, families, here, status=400)
    try:
        row = view_save(name=request.POST.get("name", ""), query=here.kept(), actor=actor)
    except RequestError as error:
        return _page(request, families, here, refused=error, status=400)
    messages.success(request, f"Kept as {row.name}.")
    return HttpResponseRedirect(_at(row.query), status=303)


@require_POST
def view_deleted(request: HttpRequest, view_id: int) -> HttpResponse:
    """Forget one of one's own views."""
    actor = page_actor(request)
    record_families(actor.roles)
    view_delete(view_id=int(view_id), actor=actor)
    messages.success(request, "View deleted.")
    return HttpResponseRedirect(audit_href({}), status=303)


def _page(
    request: HttpRequest,
    families: frozenset[str] | None,
    here: Asked,
    *,
    refused: RequestError | None = None,
    status: int = 200,
) -> HttpResponse:
    page = framed(request, "audit")
    people = reads_people(page.actor.roles)
    context = {
        **page.context,
        "asked": here,
        "said": here.said,
        "filters": _filters(here, families),
        "ranges": [{**one, "href": audit_href(one["query"])} for one in ranges(here, page.now)],
        "views": [{"row": one, "href": _at(one.query)} for one in views_of(page.actor.name)],
        "name_most": NAME_MOST,
        "kept": here.kept(),
        "error": refused,
        "allowed": _allowed(here),
        "whole_record": families is None,
        "standing": standing_line(page.now),
        "exports": _exports(here) if exports_record(page.actor.roles) else None,
        **_detail(here, families, page, people=people),
        **_found(here, families, page, people=people),
    }
    wrong = here.error is not None or context.get("too_wide", False)
    return render(request, "pages/audit.html", context, status=400 if wrong else status)


def _found(
    here: Asked, families: frozenset[str] | None, page: Framed, *, people: bool
) -> dict[str, Any]:
    """The list or the story; nothing for a query that cannot be read."""
    if here.error is not None:
        return {}
    try:
        if here.story:
            query = {"story": here.story}
            return story_view(here.story, families, page.names, query, people=people)
        place = place_of(here.given.get("cursor"))
        found = entries_read(search_of(here.given, families), after=place, limit=SHOWN)
    except SearchTooWideError:
        return {"too_wide": True, "too_wide_words": TOO_WIDE}
    following = cursor_of(found.following)
    there = {**here.filters, **({"cursor": here.said["cursor"]} if place else {})}
    return {
        "lines": lines_of(found.entries, page.names, there),
        "older": audit_href({**here.filters, "cursor": following.text()}) if following else "",
        "newest": audit_href(here.filters) if place else "",
        "as_of": formats.clock(page.now),
        "as_story": _as_story(here),
    }


_FORMS = {"jsonl": "With proofs", "csv": "CSV", "pdf": "PDF"}


def _exports(here: Asked) -> dict[str, Any] | None:
    """Ways to take out what the page shows: all of it, what is searched, or the story."""
    if here.error is not None:
        return None
    query = {STORY.name: here.story} if here.story else here.filters
    what = "this story" if here.story else "this search" if here.filters else "all"
    there = reverse("api-audit-export")
    ways = [
        {"form": form, "words": said, "href": f"{there}?{urlencode({'form': form, **query})}"}
        for form, said in _FORMS.items()
    ]
    return {"what": what, "ways": ways}


def _as_story(here: Asked) -> str:
    """The way from a list of one correlation or request to its story."""
    ident = here.said.get("correlation") or here.said.get("request") or ""
    return audit_href({"story": ident}) if ident else ""


def _detail(
    here: Asked, families: frozenset[str] | None, page: Framed, *, people: bool
) -> dict[str, Any]:
    """The entry that the address names; that there is none, or none to be seen, is said alike."""
    if not here.entry:
        return {}
    try:
        entry = entry_get(uuid.UUID(here.entry), families)
    except ValueError:
        entry = None
    rest = {**here.said, "entry": ""}
    if entry is None:
        return {"missing": here.entry, "close": audit_href(rest)}
    return {
        "detail": detail_of(entry, page.names, people=people),
        "proof": proof_view(entry.id),
        "close": audit_href(rest),
        "open": str(entry.id),
    }


def _allowed(here: Asked) -> str:
    """What the field that cannot be read may be, in words."""
    allowed = here.error.allowed if here.error else ""
    return allowed if isinstance(allowed, str) else ", ".join(allowed)


def _filters(here: Asked, families: frozenset[str] | None) -> dict[str, Any]:
    """What the form offers: groups that hold something the reader may see."""
    shown = [one for one, group in GROUPS.items() if families is None or group & families]
    return {
        "groups": [
            {"code": one, "words": auditwords.GROUP_WORDS[one], "on": one in here.groups}
            for one in shown
        ],
        "kinds": _choices(
            ActorKind.values, auditwords.ACTOR_WORDS, here.said.get("actor_kind", "")
        ),
        "outcomes": _choices(
            Outcome.values, auditwords.OUTCOME_WORDS, here.said.get("outcome", "")
        ),
        "roles": _choices(
            list(ROLES), {name: one.title for name, one in ROLES.items()}, here.said.get("role", "")
        ),
        "from": here.said.get("from", "")[:19],
        "to": here.said.get("to", "")[:19],
    }


def _choices(codes: list[str], said: Mapping[str, str], chosen: str) -> list[dict[str, Any]]:
    return [{"code": one, "words": said[one], "on": one == chosen} for one in codes]


def _at(query: str) -> str:
    return audit_href({}) + (f"?{query}" if query else "")
