"""Errors as ``application/problem+json`` (RFC 9457), mapped in this one place.

Every problem has ``status``, a stable ``code``, a ``title``, a ``detail`` that says what to do, and
the ``request_id`` that log and record know. A wrong query or body adds ``field`` and ``allowed``,
what is not so yet ``conditions``.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, JsonResponse
from redis import exceptions as redis_errors
from rest_framework import exceptions
from rest_framework.response import Response

from audit.canonical import plain
from audit.models import ActorKind
from audit.record import RecordUnwritableError
from console.access import backoff
from console.access.recorded import denial_recorded
from console.access.requests import address, request_id
from console.access.rights import actor_of
from riskctl.actors import Actor, NotAllowedError
from riskctl.approvals import RequestError
from riskctl.conditions import PreconditionError
from riskctl.holds import ScopeError
from riskctl.schedule import ScheduleError
from riskctl.triggers.inforce import SettingError
from trading.engines.problems import EngineInvalidError
from trading.engines.versions import NoSuchEngineError
from trading.testcalls.wire import NoAnswerError

MEDIA_TYPE = "application/problem+json"
DATABASE_OUT = (OperationalError, InterfaceError)
REDIS_OUT = (redis_errors.ConnectionError, redis_errors.TimeoutError)
API_PATHS = r"^(?:api|limits|orders|trading|emergency|test|healthz|readyz)(?:/|$)"
"""Addresses of programs: their errors are problems, and what is none of ours there is 404."""


@dataclass(frozen=True)
class Problem:
    """One error answer; ``extra`` are members beside the common ones."""

    status: int
    code: str
    title: str
    detail: str
    headers: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)

    def body(self, request: HttpRequest) -> dict[str, Any]:
        return {
            "type": "about:blank",
            "title": self.title,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
            "request_id": request_id(request),
            **self.extra,
        }


class QueryInvalidError(exceptions.APIException):
    """A query field is unknown or its value is wrong."""

    status_code = 400

    def __init__(self, name: str, message: str, allowed: list[str] | str) -> None:
        super().__init__(message, "query-invalid")
        self.name = name
        self.allowed = allowed


class BodyInvalidError(QueryInvalidError):
    """A field of the body is unknown or its value is wrong."""

    def __init__(self, name: str, message: str, allowed: list[str] | str) -> None:
        super().__init__(name, message, allowed)
        self.detail = exceptions.ErrorDetail(message, "body-invalid")


class ConflictError(exceptions.APIException):
    """What was asked for does not fit how things stand; ``extra`` says how they do."""

    status_code = 409

    def __init__(self, code: str, message: str, **extra: Any) -> None:
        super().__init__(message, code)
        self.extra = extra


class NotLatchedError(exceptions.APIException):
    """A stop reached nobody: neither a gateway nor the database nor this host's disk knows it."""

    status_code = 503

    def __init__(self, receipt: Mapping[str, Any]) -> None:
        super().__init__(
            "Neither gateways nor database nor this host's disk took the stop. Repeat it, and use "
            "the command line: haltline halt.",
            "stop-not-latched",
        )
        self.extra = {"receipt": receipt}


class RefusedError(exceptions.AuthenticationFailed):
    """Credentials were given and do not do. ``claimed`` is whose they are, where known."""

    def __init__(
        self, code: str, detail: str, *, claimed: str = "", kind: ActorKind = ActorKind.ANONYMOUS
    ) -> None:
        super().__init__(detail, code)
        self.claimed = claimed
        self.kind = kind


class NoSuchError(exceptions.NotFound):
    """The address is right but for a name in it; the detail says which names there are."""

    default_code = "not-found"


class CsrfFailedError(exceptions.PermissionDenied):
    """A session's write without the token that proves it came from our own page."""

    default_code = "csrf-failed"
    default_detail = "Send the session's CSRF token as X-CSRFToken."


class ScopeMissingError(exceptions.PermissionDenied):
    """The token is good and does not reach this far."""

    def __init__(self, scope: str, claimed: str) -> None:
        super().__init__(f"The token has no scope '{scope}'. Use one that has.", "scope-missing")
        self.claimed = claimed
        self.kind = ActorKind.TOKEN


class LimitedError(exceptions.APIException):
    """This token or session asks too often; ``wait`` is in whole seconds."""

    status_code = 429

    def __init__(self, wait: int) -> None:
        super().__init__(
            "More requests than one token or session may make in a minute. Wait as long as "
            "Retry-After says. Stops are never limited.",
            "too-many-requests",
        )
        self.headers = {"Retry-After": str(wait)}


DATABASE_PROBLEM = Problem(
    503,
    "database-unreachable",
    "The database does not answer",
    "No new risk is taken meanwhile. Try again in a few seconds.",
    {"Retry-After": "2"},
)
RECORD_PROBLEM = Problem(
    503,
    "record-unwritable",
    "The record cannot be written",
    "Nothing was changed: what has no entry does not happen. Stops and cancels go on. Tell who "
    "looks after the desk.",
    {"Retry-After": "30"},
)
REDIS_PROBLEM = Problem(
    503,
    "redis-unreachable",
    "Redis does not answer",
    "Prices and heartbeats cannot be read. What the database holds can. Try again shortly.",
    {"Retry-After": "2"},
)
INTERNAL_PROBLEM = Problem(
    500,
    "internal",
    "Something failed here",
    "It is logged under the request_id. Give that to who looks after the desk.",
)
NOT_FOUND_PROBLEM = Problem(
    404, "not-found", "Nothing is at this address", "See /api/docs for what there is."
)
BAD_REQUEST_PROBLEM = Problem(
    400, "request-malformed", "The request cannot be read", "Check host, path and headers."
)
FORBIDDEN_PROBLEM = Problem(
    403, "forbidden", "Not for you", "Ask an administrator what your role may do."
)
RATE_DETAIL = "Too many refused requests from this address. Wait as long as Retry-After says."

_TITLES = {
    400: "The request is wrong",
    401: "Not signed in",
    403: "Not for you",
    404: NOT_FOUND_PROBLEM.title,
    405: "This method does nothing here",
    406: "No such form of the answer",
    409: "Not as things stand",
    412: "Changed meanwhile",
    415: "No such form of the body",
    429: "Too many requests",
    503: "It did not work",
}


def is_api_path(path: str) -> bool:
    """Whether errors at ``path`` are problems and not pages. ``/api/docs`` is a page."""
    return bool(re.match(API_PATHS, path[1:])) and path.rstrip("/") != "/api/docs"


def outage(error: BaseException | None) -> Problem | None:
    """The problem to answer with when ``error`` is a store that does not answer."""
    if isinstance(error, RecordUnwritableError):
        return RECORD_PROBLEM
    if isinstance(error, DATABASE_OUT):
        return DATABASE_PROBLEM
    if isinstance(error, REDIS_OUT):
        return REDIS_PROBLEM
    return None


_WORDS: dict[type[exceptions.APIException], tuple[str, str]] = {
    exceptions.NotAuthenticated: (
        "not-authenticated",
        "Send 'Authorization: Bearer TOKEN', or sign in with both factors.",
    ),
    exceptions.MethodNotAllowed: (
        "method-not-allowed",
        "Nothing is done here by this method. See Allow.",
    ),
    exceptions.NotAcceptable: ("not-acceptable", "Answers are application/json. Accept that."),
    exceptions.UnsupportedMediaType: (
        "media-type-unsupported",
        "Send the body as application/json.",
    ),
    exceptions.ParseError: ("body-malformed", "The body is no JSON."),
    exceptions.PermissionDenied: (FORBIDDEN_PROBLEM.code, FORBIDDEN_PROBLEM.detail),
    exceptions.NotFound: (NOT_FOUND_PROBLEM.code, NOT_FOUND_PROBLEM.detail),
}
"""Code and detail of DRF's own exceptions; ours bring theirs."""


def _api_exception(error: exceptions.APIException) -> Problem:
    status = int(error.status_code)
    code, detail = _WORDS.get(type(error), (str(error.get_codes()), str(error.detail)))
    headers: dict[str, str] = dict(getattr(error, "headers", {}))
    extra: dict[str, Any] = {}
    if isinstance(error, QueryInvalidError):
        extra = {"field": error.name, "allowed": error.allowed}
    elif isinstance(error, ConflictError | NotLatchedError):
        extra = dict(error.extra)
    if status == 401:
        tried = ', error="invalid_token"' if isinstance(error, RefusedError) else ""
        headers = {"WWW-Authenticate": f'Bearer realm="haltline"{tried}'}
    return Problem(status, code, _TITLES[status], detail, headers, extra)


def problem_of(error: Exception) -> Problem | None:
    """The problem that ``error`` is to a caller; None when it is a defect of ours."""
    if isinstance(error, exceptions.APIException):
        return _api_exception(error)
    if isinstance(error, Http404):
        return NOT_FOUND_PROBLEM
    if isinstance(error, PermissionDenied) and not isinstance(error, NotAllowedError):
        return FORBIDDEN_PROBLEM
    return _refusal(error) or outage(error)


_REFUSED_AS: dict[str, int] = {
    "hold-unknown": 404,
    "approval-unknown": 404,
    "session-unknown": 404,
    "token-not-there": 404,
    "token-ended": 409,
    "token-collected": 409,
    "token-uncollected": 409,
    "token-not-collected": 409,
    "token-changed": 409,
    "hold-already-lifted": 409,
    "approval-decided": 409,
    "approval-expired": 409,
    "approval-void": 409,
    "approval-moved": 409,
    "approval-digest-differs": 409,
    "approval-altered": 409,
    "stage-moved": 409,
    "size-version": 412,
    "limit-moved": 412,
    "engine-version": 412,
    "engine-name": 409,
    "break-glass-unknown": 404,
    "break-glass-ended": 409,
    "break-glass-changed": 409,
    "break-glass-over": 409,
    "break-glass-reviewed": 409,
    "person-unknown": 404,
    "test-feed-not-simulated": 409,
    "test-account-live": 409,
    "sign-off-moved": 409,
    "sign-off-none": 409,
    "drill-not-rehearsal": 409,
    "strategy-unknown": 404,
}
"""Refusals that no other person or factor would change."""


def _refusal(error: Exception) -> Problem | None:
    """What a service of the brakes refuses: by rule, for want of a condition, or as asked for."""
    if isinstance(error, NotAllowedError):
        status = _REFUSED_AS.get(error.code, 403)
        return Problem(status, error.code, _TITLES[status], str(error))
    if isinstance(error, PreconditionError):
        extra = {"conditions": plain([one.body() for one in error.items])}
        return Problem(409, error.code, _TITLES[409], str(error), extra=extra)
    if isinstance(error, RequestError | ScheduleError | SettingError):
        return _wrong_field(error.field, str(error))
    if isinstance(error, ScopeError):
        return _wrong_field("scope", str(error))
    if isinstance(error, NoAnswerError):
        return Problem(503, "test-no-answer", _TITLES[503], f"{error}. Nothing was changed.")
    return _of_document(error)


def _of_document(error: Exception) -> Problem | None:
    """A TradingEngine document that is none, or that there is none of."""
    if isinstance(error, EngineInvalidError):
        extra = {"problems": [one.body() for one in error.problems]}
        return Problem(400, error.code, _TITLES[400], str(error), extra=extra)
    if isinstance(error, NoSuchEngineError):
        return Problem(404, "engine-unknown", _TITLES[404], str(error))
    return None


def _wrong_field(name: str, text: str) -> Problem:
    return Problem(400, "body-invalid", _TITLES[400], text, extra={"field": name})


def problem_response(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """DRF's exception handler. Denials are recorded before they are answered."""
    request: HttpRequest = context["request"]._request
    problem = problem_of(error)
    if problem is None:
        return None
    if problem.status in (401, 403):
        problem = _denied(error, request, problem, getattr(context["request"], "_auth", None))
    elif problem.status == 503:
        problem = replace(problem, headers={"Retry-After": "2", **problem.headers})
    headers = dict(problem.headers)
    if isinstance(error, exceptions.MethodNotAllowed):
        headers["Allow"] = ", ".join(context["view"].allowed_methods)
    return Response(problem.body(request), problem.status, headers=headers, content_type=MEDIA_TYPE)


def _denied(error: Exception, request: HttpRequest, problem: Problem, behind: Any) -> Problem:
    """``behind``: whoever was let in, and is refused by rule."""
    actor: Actor | None = getattr(request, "haltline_actor", None)
    if actor is None and behind is not None:
        actor = actor_of(request, behind)
    denial_recorded(
        request,
        status=problem.status,
        code=problem.code,
        actor=getattr(error, "claimed", actor.name if actor else ""),
        actor_kind=getattr(error, "kind", ActorKind(actor.kind) if actor else ActorKind.ANONYMOUS),
    )
    if problem.status != 401:
        return problem
    # Refusals are slowed, good credentials from the same address are not: those never come here.
    key = (backoff.BY_REFUSED_ADDRESS, address(request))
    wait = backoff.wait_s(key)
    if not wait:
        backoff.failed(key)
        return problem
    return Problem(429, "rate-limited", _TITLES[429], RATE_DETAIL, {"Retry-After": str(wait)})


def plain_response(request: HttpRequest, problem: Problem) -> JsonResponse:
    """The same answer outside DRF."""
    response = JsonResponse(problem.body(request), status=problem.status, content_type=MEDIA_TYPE)
    for name, value in problem.headers.items():
        response[name] = value
    return response
