"""The record by REST: searched as the page does, entry by entry, to whom it is theirs to read."""

import uuid
from typing import Any

from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from audit.models import ActorKind, Entry, Outcome
from audit.reading import SearchTooWideError, entries_read, entry_get
from audit.story import body_of
from console.access.record_readers import record_families
from console.access.rights import rights_of
from console.api.audit_query import QUERY, cursor_of, place_of, search_of
from console.api.base import ApiView, described
from console.api.holds import READ_ONE
from console.api.paging import paged_as
from console.api.problems import NoSuchError
from console.api.queries import LIMIT_DEFAULT
from console.api.serializers import Shape, moment_field, text_field
from console.models import ApiToken

SCOPES = frozenset({ApiToken.Scope.READ.value, ApiToken.Scope.EXPORT.value})


class TooWideError(exceptions.APIException):
    """The search was ended: it took too long."""

    status_code = 400

    def __init__(self) -> None:
        super().__init__(
            "The search takes too long. Narrow it: by a time, a person, an object or an action.",
            "search-too-wide",
        )


class EntryShape(Shape):
    id = text_field()
    recorded_at = moment_field("When it was written down; lists are in this order.")
    happened_at = moment_field("When it happened, by its own source.")
    action = text_field()
    outcome = serializers.ChoiceField(Outcome.values)
    actor_kind = serializers.ChoiceField(ActorKind.values)
    actor = text_field()
    on_behalf_of = text_field("Whom or what for; empty: nobody else.")
    object = serializers.SerializerMethodField(help_text="kind:id")
    reason = text_field()
    source = text_field("Where it came from.")
    request_id = text_field()
    correlation_id = text_field()
    before = serializers.SerializerMethodField(help_text="As it was; null: nothing is said.")
    after = serializers.SerializerMethodField(help_text="As it is then, and what it rests on.")

    def get_object(self, row: Entry) -> str:
        return f"{row.object_kind}:{row.object_id}"

    def get_before(self, row: Entry) -> dict[str, Any] | None:
        return body_of(row).get("before")

    def get_after(self, row: Entry) -> dict[str, Any] | None:
        return body_of(row).get("after")


class WholeEntryShape(EntryShape):
    body = serializers.SerializerMethodField(help_text="Its canonical bytes, as they are hashed.")

    def get_body(self, row: Entry) -> str:
        return bytes(row.body).decode()


class _OfRecord(ApiView):
    """``families``: of which the caller may see entries."""

    read_scopes = SCOPES
    families: frozenset[str] | None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        behind: Any = request.auth
        name = behind.owner.get_username() if isinstance(behind, ApiToken) else behind.name
        self.families = record_families(rights_of(request._request, name).roles)


class AuditList(_OfRecord):
    query = QUERY

    @described(
        EntryShape(many=True),
        "Entries of the record, the last recorded first. For risk, SRE and compliance; what is "
        "about people, sign-ins, tokens and denials for administrators. A token sees what its "
        "owner does, and reads with one of the scopes read and export.",
        QUERY,
        name="audit",
    )
    def get(self, request: Request) -> Response:
        given = self.given
        try:
            page = entries_read(
                search_of(given, self.families),
                after=place_of(given.get("cursor")),
                limit=given.get("limit", LIMIT_DEFAULT),
            )
        except SearchTooWideError:
            raise TooWideError from None
        data = EntryShape(page.entries, many=True).data
        return paged_as(request, data, cursor_of(page.following))


class AuditOne(_OfRecord):
    @described(
        WholeEntryShape, "One entry, with its canonical bytes.", name="audit_entry",
        problems=READ_ONE,
    )  # fmt: skip
    def get(self, request: Request, entry_id: uuid.UUID) -> Response:
        row = entry_get(uuid.UUID(str(entry_id)), self.families)
        if row is None:
            raise NoSuchError(f"There is no entry {entry_id} that you may see. See /api/audit.")
        return Response(WholeEntryShape(row).data)
