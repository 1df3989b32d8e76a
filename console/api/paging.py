"""One page of a list, newest first, and the way to the next by key: rows that come in between
move nothing."""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db.models import Field as ModelField
from django.db.models import Model, Q, QuerySet, UUIDField
from rest_framework.request import Request
from rest_framework.response import Response

from console.api.problems import QueryInvalidError
from console.api.queries import CURSOR, LIMIT_DEFAULT, Cursor, next_link
from console.api.serializers import Shape

M = TypeVar("M", bound=Model)


@dataclass(frozen=True)
class Order:
    """Columns that a list is ordered by: a time, then a key that no two rows share."""

    at: str
    key: str


def page_of(
    rows: QuerySet[M], order: Order, given: dict[str, Any]
) -> tuple[list[M], Cursor | None]:
    """Rows after the cursor, as many as asked for, and where the next page begins (None: ended)."""
    after: Cursor | None = given.get("cursor")
    if after is not None:
        key = _key(rows.model._meta.get_field(order.key), after.key)
        older = Q(**{f"{order.at}__lt": after.at})
        rows = rows.filter(older | Q(**{order.at: after.at, f"{order.key}__lt": key}))
    limit = int(given.get("limit", LIMIT_DEFAULT))
    found = list(rows[: limit + 1])
    if len(found) <= limit:
        return found, None
    last = found[limit - 1]
    at: dt.datetime = getattr(last, order.at)
    return found[:limit], Cursor(at, str(getattr(last, order.key)))


def _key(column: Any, text: str) -> Any:
    """The cursor's key as the column holds it: a cursor of another list has none such."""
    if isinstance(column, ModelField) and column.get_internal_type() == "BigAutoField":
        if not text.isdecimal():
            raise _foreign()
        return int(text)
    if isinstance(column, UUIDField):
        try:
            return uuid.UUID(text)
        except ValueError:
            raise _foreign() from None
    return text


def _foreign() -> QueryInvalidError:
    return QueryInvalidError("cursor", "'cursor' is of another list.", CURSOR.allowed)


def paged(
    request: Request, rows: QuerySet[M], order: Order, given: dict[str, Any], shape: type[Shape]
) -> Response:
    """The page as a bare array; ``Link`` leads on where there is more."""
    found, following = page_of(rows, order, given)
    return paged_as(request, shape(found, many=True).data, following)


def paged_as(request: Request, data: Any, following: Cursor | None) -> Response:
    """One page that is written already."""
    response = Response(data)
    if following is not None:
        plain = request._request
        url = plain.build_absolute_uri(plain.path)
        response["Link"] = next_link(url, plain.GET, following)
    return response


def whole(rows: Sequence[Any], at: str, given: dict[str, Any], shape: type[Shape]) -> Response:
    """A list that is short by nature, newest first by ``at``; all of it unless ``limit`` is given.

    Positions are compared with the venue's by what this answers: it may not end without a word.
    """
    newest = sorted(rows, key=lambda row: getattr(row, at), reverse=True)
    return Response(shape(newest[: given.get("limit")], many=True).data)
