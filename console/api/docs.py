"""The API described: OpenAPI 3.1 for programs, and one plain page made from it for people."""

import functools
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer, OpenApiJsonRenderer2
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from console.api.base import ApiView


@functools.cache
def schema() -> dict[str, Any]:
    """The OpenAPI document. It depends on the code alone, so it is made once a process."""
    made: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return made


class Schema(ApiView):
    renderer_classes = [OpenApiJsonRenderer2, OpenApiJsonRenderer]

    @extend_schema(exclude=True)
    def get(self, request: Request) -> Response:
        return Response(schema())


@dataclass(frozen=True)
class Endpoint:
    """One address as the page shows it; fields are name, type and what they mean."""

    method: str
    path: str
    about: str
    query: list[tuple[str, str, str]]
    body: list[tuple[str, str, str]]
    fields: list[tuple[str, str, str]]
    errors: list[tuple[str, str]]


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    return render(request, "access/api_docs.html", {"endpoints": endpoints()})


@functools.cache
def endpoints() -> list[Endpoint]:
    return [
        _endpoint(method.upper(), path, operation)
        for path, operations in schema()["paths"].items()
        for method, operation in operations.items()
    ]


def _endpoint(method: str, path: str, operation: dict[str, Any]) -> Endpoint:
    answers = operation["responses"]
    return Endpoint(
        method,
        path,
        operation["description"],
        [
            (one["name"], _kind(one["schema"]), one.get("description", ""))
            for one in operation.get("parameters", [])
            if one["in"] == "query"
        ],
        _body(operation),
        _fields(_answer(answers)),
        [(status, one["description"]) for status, one in answers.items() if status[0] in "45"],
    )


def _answer(answers: dict[str, Any]) -> dict[str, Any]:
    """What it looks like when it is done: at once, or else when it is only asked for."""
    done = next(answers[status] for status in sorted(answers) if status.startswith("2"))
    # A file (an export) has no fields.
    found: dict[str, Any] = done["content"].get("application/json", {}).get("schema", {})
    return found


def _body(operation: dict[str, Any]) -> list[tuple[str, str, str]]:
    body = operation.get("requestBody")
    return [] if body is None else _fields(body["content"]["application/json"]["schema"])


def _resolved(part: dict[str, Any]) -> dict[str, Any]:
    """``part``, or what it refers to."""
    reference = part.get("$ref") or next(
        (one["$ref"] for one in part.get("allOf", []) if "$ref" in one), None
    )
    if reference is None:
        return part
    found: dict[str, Any] = schema()["components"]["schemas"][reference.rsplit("/", 1)[1]]
    return found


def _fields(part: dict[str, Any]) -> list[tuple[str, str, str]]:
    part = _resolved(part)
    if part.get("type") == "array":
        part = _resolved(part["items"])
    return [
        (name, _kind(inner), inner.get("description", ""))
        for name, inner in part.get("properties", {}).items()
    ]


def _kind(part: dict[str, Any]) -> str:
    """The type in words: ``string (date-time)``, ``one of open, pending``."""
    whole = _resolved(part)
    for one in whole.get("oneOf", []):
        if (inner := _kind(one)) != "null":
            return f"{inner} or null"
    if "enum" in whole:
        return "one of " + ", ".join(str(value) for value in whole["enum"])
    kind = whole.get("type", "any")
    words = " or ".join(kind) if isinstance(kind, list) else str(kind)
    return f"{words} ({whole['format']})" if "format" in whole else words
