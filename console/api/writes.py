"""What every POST is: its body read before it works, its key kept, its caller an Actor."""

import dataclasses
import re
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from console.access.rights import actor_of
from console.api.authentication import SessionScheme, StopAuthentication, TokenScheme
from console.api.base import PROBLEMS, ApiView, ProblemSerializer
from console.api.bodies import BodyField, Said, body_read, body_read_leniently
from console.api.idempotency import answered_once
from console.api.problems import MEDIA_TYPE, QueryInvalidError
from console.api.queries import read
from riskctl.actors import Actor

KEY_HEADER = "Idempotency-Key"
_KEY = re.compile(r"[\x21-\x7e]{1,200}")
KEY_ALLOWED = "1 to 200 printable ASCII characters without blanks"
IF_MATCH = "If-Match"
_VERSION = re.compile(r'(?:W/)?"?([0-9]{1,9})"?')


class WriteView(ApiView):
    """``fields`` are those of the body; they land in ``self.said``.

    A view that also answers GET names that in ``http_method_names``.
    """

    http_method_names = ["post"]
    fields: ClassVar[tuple[BodyField, ...]] = ()
    token_scopes: ClassVar[frozenset[str]] = frozenset()
    said: Said
    key: str

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        # Before anything else reads the request as a form, which would use its bytes up.
        raw = self.read_raw(request._request)
        super().initial(request, *args, **kwargs)
        if request.method == "POST":
            self.read_said(request, raw)

    def read_raw(self, request: HttpRequest) -> bytes:
        return request.body

    def read_said(self, request: Request, raw: bytes) -> None:
        """Raises ParseError, BodyInvalidError, QueryInvalidError (the key)."""
        self.key = key_of(request)
        self.said = body_read(raw, self.fields)

    def actor(self, request: Request) -> Actor:
        """Who asks; the operator that the body names is recorded as claimed."""
        claimed = self.said.text("operator")
        behind: Any = request.auth
        actor = actor_of(request._request, behind, claimed=claimed)
        request._request.haltline_actor = actor  # type: ignore[attr-defined]
        return actor

    def once(self, request: Request, actor: Actor, work: Callable[[], Response]) -> Response:
        """What ``work`` answers; with a key that was used before, what it answered then."""
        path = request._request.path.rstrip("/")
        return answered_once(caller=actor.name, path=path, key=self.key, work=work)


def key_of(request: Request) -> str:
    """The request's key, empty without one. Raises QueryInvalidError."""
    given = request.headers.get(KEY_HEADER, "")
    if given and not _KEY.fullmatch(given):
        raise QueryInvalidError(KEY_HEADER, f"'{KEY_HEADER}' is no key.", KEY_ALLOWED)
    return str(given)


def version_seen(request: Request) -> int | None:
    """The version that If-Match names; None without one. Raises QueryInvalidError."""
    given = request.headers.get(IF_MATCH, "").strip()
    if given in ("", "*"):
        return None
    match = _VERSION.fullmatch(given)
    if match is None:
        raise QueryInvalidError(IF_MATCH, f"'{IF_MATCH}' is no version.", 'a version, e.g. "3"')
    return int(match.group(1))


class _AnyForm(BaseContentNegotiation):
    """Answers in JSON whatever is accepted: a stop is not refused for the form of its answer."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return parsers[0]

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        return renderers[0], renderers[0].media_type


class LenientView(WriteView):
    """A stop: what is odd about the request is set aside and recorded, and nothing waits for it."""

    authentication_classes = (StopAuthentication,)
    content_negotiation_class = _AnyForm
    token_scopes = frozenset({"stop"})

    def read_raw(self, request: HttpRequest) -> bytes:
        try:
            return request.body
        except RequestDataTooBig:
            return b"(too long to be read)"

    def read_query(self, request: Request) -> Mapping[str, Any]:
        """A query means nothing here."""
        return {}

    def read_said(self, request: Request, raw: bytes) -> None:
        said = body_read_leniently(raw, self.fields)
        odd: dict[str, Any] = dict(said.ignored)
        try:
            self.key = key_of(request)
        except QueryInvalidError:
            self.key = ""
            odd[KEY_HEADER] = request.headers.get(KEY_HEADER, "")[:80]
        for name, values in request._request.GET.lists():
            odd[f"?{name}"] = values
        self.said = Said(said.values, odd)

    def actor(self, request: Request) -> Actor:
        """As authentication found out already, without asking again."""
        known: Actor = request._request.haltline_actor  # type: ignore[attr-defined]
        claimed = self.said.text("operator")
        return replaced(known, claimed) if claimed else known


class StrictStopView(LenientView):
    """Lets its caller in as a stop does, and reads strictly: it does more than stop."""

    def read_query(self, request: Request) -> Mapping[str, Any]:
        return read(request._request.GET, self.query)

    def read_said(self, request: Request, raw: bytes) -> None:
        WriteView.read_said(self, request, raw)


def replaced(actor: Actor, claimed: str) -> Actor:
    """``actor`` acting for whom the body claims."""
    return dataclasses.replace(actor, on_behalf_of=claimed)


# Described ----------------------------------------------------------------------------------------

WRITE_PROBLEMS = (400, 401, 403, 405, 406, 429, 500, 503)
STOP_PROBLEMS = (400, 401, 403, 404, 405, 406, 429, 500, 503)
BODY_PROBLEM = (
    "The body is no JSON (body-malformed), or a field of it is unknown or wrong (body-invalid); "
    "names it and what is allowed."
)
_KEY_PARAMETER = OpenApiParameter(
    KEY_HEADER,
    {"type": "string"},
    OpenApiParameter.HEADER,
    description="The same key again gives the same answer. On a stop it gives the same hold while "
    "that is open, and places a new one once it was lifted.",
)


def posted(
    answers: Mapping[int, tuple[Any, str]],
    about: str,
    *,
    name: str,
    fields: tuple[BodyField, ...] = (),
    problems: tuple[int, ...] = WRITE_PROBLEMS,
) -> Callable[[Any], Any]:
    """OpenAPI annotations of a POST: its body, its answers by status and the errors it can have."""
    responses: dict[Any, Any] = {
        (status, "application/json"): OpenApiResponse(shape, words)
        for status, (shape, words) in answers.items()
    }
    for status in problems:
        words = BODY_PROBLEM if status == 400 else PROBLEMS[status]
        responses[status, MEDIA_TYPE] = OpenApiResponse(ProblemSerializer, words)
    return extend_schema(
        operation_id=name,
        description=about,
        parameters=[_KEY_PARAMETER],
        request={"application/json": _body_shape(name, fields)} if fields else None,
        responses=responses,
        filters=False,
        auth=[{TokenScheme.name: []}, {SessionScheme.name: []}],  # type: ignore[list-item]
    )


def _body_shape(name: str, fields: tuple[BodyField, ...]) -> type[Serializer[Any]]:
    title = "".join(part.title() for part in name.split("_")) + "Body"
    members = {one.name: one.described() for one in fields}
    return type(title, (Serializer,), members)
