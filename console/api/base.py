"""What every REST view is: closed by default, JSON out, its query read before it works."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.views import APIView

from console.access.visible import Sight, sight_of
from console.api.problems import MEDIA_TYPE, NOT_FOUND_PROBLEM
from console.api.queries import Field, read


class ApiView(APIView):
    """Reads only. ``query`` names the fields its query may have; they land in ``self.given``.

    Writes are console.api.writes.
    """

    http_method_names = ["get", "head"]
    query: ClassVar[tuple[Field, ...]] = ()
    given: dict[str, Any]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if not hasattr(self, str(request.method).lower()) or request.method == "OPTIONS":
            raise exceptions.MethodNotAllowed(str(request.method))
        self.given = dict(self.read_query(request))

    def read_query(self, request: Request) -> Mapping[str, Any]:
        """Raises QueryInvalidError naming the field."""
        return read(request._request.GET, self.query)

    @property
    def sight(self) -> Sight:
        """How much the caller may see. Raises db.Error."""
        behind: Any = self.request.auth
        return sight_of(self.request._request, behind)


class NothingHere(ApiView):
    """Every API address that is none: callers are told so only once they may call at all."""

    schema = None  # not in the OpenAPI document

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        APIView.initial(self, request, *args, **kwargs)
        raise exceptions.NotFound(NOT_FOUND_PROBLEM.detail)


class ProblemSerializer(serializers.Serializer[Any]):
    """RFC 9457 problem details."""

    type = serializers.CharField(help_text="Always about:blank; 'code' says which problem it is.")
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField(help_text="Stable name of the problem.")
    detail = serializers.CharField(help_text="What is wrong, and what to do.")
    request_id = serializers.CharField(help_text="As in the X-Request-ID header, log and record.")
    field = serializers.CharField(
        required=False, help_text="The field of query or body that is wrong."
    )
    allowed = serializers.JSONField(
        required=False, help_text="What the field may be: a list of values, or a sentence."
    )
    conditions = serializers.ListField(
        child=serializers.DictField(),
        required=False,
        help_text="What is not so yet: name, met, text, evidence.",
    )
    problems = serializers.ListField(
        child=serializers.DictField(),
        required=False,
        help_text="What is wrong with a document: grade, line, field, text.",
    )


PROBLEMS = {
    400: "A query field is unknown or wrong (query-invalid); names it and what is allowed. Or a "
    "search of the record takes too long (search-too-wide): narrow it.",
    401: "No credentials, or none that do: not-authenticated, token-unknown, token-expired, "
    "token-revoked, token-rotated, token-elsewhere, token-owner-inactive, "
    "authorization-malformed, factor-required, session-expired, session-revoked.",
    403: "The token lacks the scope (scope-missing), the rule of what is asked for does not let "
    "this caller (its own code), or a session's CSRF token is missing (csrf-failed).",
    404: "Nothing is there (not-found, hold-unknown, approval-unknown); says what there is.",
    405: "The method does nothing here (method-not-allowed).",
    406: "The answer has no such form (not-acceptable).",
    409: "Not as things stand: preconditions-not-met names every condition that is not, with its "
    "evidence; or it was decided, lifted, void or changed since (its own code).",
    412: "It is no longer the version that If-Match names (size-version, limit-moved, "
    "engine-version), or that the body names; read it again.",
    415: "The body has no form that is read (media-type-unsupported).",
    429: "Too many requests of this token or session (too-many-requests), or refused ones from "
    "this address (rate-limited); see Retry-After.",
    500: "A defect of ours (internal).",
    503: "A store does not answer (database-unreachable, redis-unreachable), or a stop reached "
    "nobody (stop-not-latched); see Retry-After.",
}


DATA_PROBLEMS = (400, 401, 403, 405, 406, 429, 500, 503)


def described(
    answer: Any,
    about: str,
    query: tuple[Field, ...] = (),
    *,
    name: str,
    unwell: bool = False,
    problems: tuple[int, ...] = DATA_PROBLEMS,
) -> Callable[[Any], Any]:
    """OpenAPI annotations of a GET: its answer, its query fields and every error it can have.

    ``unwell``: the same answer comes with 503 when it says that something is wrong.
    """
    responses: dict[Any, Any] = {(200, "application/json"): OpenApiResponse(answer, about)}
    if unwell:
        responses[503, "application/json"] = OpenApiResponse(answer, "As with 200, and not well.")
    for status in problems:
        responses[status, MEDIA_TYPE] = OpenApiResponse(ProblemSerializer, PROBLEMS[status])
    return extend_schema(
        operation_id=name,
        description=about,
        parameters=[one.parameter() for one in query],
        responses=responses,
        filters=False,
    )
