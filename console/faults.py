"""Django's own errors (no such page, a bad request, a defect), as pages or as problems."""

import html
import sys
from dataclasses import replace

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template import TemplateDoesNotExist, TemplateSyntaxError

from audit.models import ActorKind
from console.access.recorded import denial_recorded
from console.access.requests import request_id
from console.access.sessions import person
from console.api.problems import (
    BAD_REQUEST_PROBLEM,
    FORBIDDEN_PROBLEM,
    INTERNAL_PROBLEM,
    NOT_FOUND_PROBLEM,
    Problem,
    is_api_path,
    outage,
    plain_response,
)
from riskctl.actors import NotAllowedError

_BARE = """<!doctype html>
<html lang="en-GB"><head><meta charset="utf-8"><title>{title}</title></head>
<body><h1>{title}</h1><p>{detail}</p><p>Request {ident}</p>
<p>What still works: <a href="/stop">Stop</a>; at the desk's host, haltline kill --scope firm.</p>
<p><a href="">Try again</a></p></body></html>
"""


def _answer(request: HttpRequest, problem: Problem) -> HttpResponse:
    if is_api_path(request.path):
        return plain_response(request, problem)
    return _page(request, problem)


def _page(request: HttpRequest, problem: Problem) -> HttpResponse:
    context = {
        "title": problem.title,
        "detail": problem.detail,
        "request_id": request_id(request),
        "again": problem.status == 503,
    }
    response = render(request, "access/problem.html", context, status=problem.status)
    for name, value in problem.headers.items():
        response[name] = value
    return response


def _bare_page(request: HttpRequest, problem: Problem) -> HttpResponse:
    """Without a template: it may be the template that failed, or the assets that are not there."""
    facts = {"title": problem.title, "detail": problem.detail, "ident": request_id(request)}
    page = _BARE.format(**{name: html.escape(text) for name, text in facts.items()})
    return HttpResponse(page, status=problem.status, headers=dict(problem.headers))


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _answer(request, BAD_REQUEST_PROBLEM)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """A page's view refused: recorded, as every denial is; says who may, where that is known."""
    problem = FORBIDDEN_PROBLEM
    if isinstance(exception, NotAllowedError):
        problem = replace(problem, code=exception.code, detail=str(exception))
    behind = person(request)
    denial_recorded(
        request,
        status=403,
        code=problem.code,
        actor=behind.name,
        actor_kind=ActorKind.PERSON if behind.user else ActorKind.ANONYMOUS,
    )
    return _answer(request, problem)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _answer(request, NOT_FOUND_PROBLEM)


def failed(request: HttpRequest) -> HttpResponse:
    """A defect of ours, or a store that does not answer: Django calls this within ``except``."""
    problem = outage(sys.exc_info()[1]) or INTERNAL_PROBLEM
    if is_api_path(request.path):
        return plain_response(request, problem)
    if problem is INTERNAL_PROBLEM:
        return _bare_page(request, problem)
    try:
        return _page(request, problem)
    except (ValueError, OSError, TemplateDoesNotExist, TemplateSyntaxError):
        return _bare_page(request, problem)
