"""The record as a whole: whether it is whole, and exports of it."""

import re
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import psycopg
from asgiref.sync import sync_to_async
from django.http import StreamingHttpResponse
from django.utils.dateparse import parse_datetime
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from audit.choosing import Choice
from audit.export import FORMS, Export, ExportError, Who
from audit.models import Outcome
from audit.places import PlaceStore, Row
from audit.standing import record_standing
from console.access.rights import actor_of, rights_read
from console.access.sessions import Person
from console.api.base import DATA_PROBLEMS, PROBLEMS, ApiView, ProblemSerializer, described
from console.api.problems import MEDIA_TYPE, ConflictError
from console.api.queries import Field, choice
from console.api.serializers import Shape, moment_field, text_field
from console.models import ApiToken
from riskctl.actors import NotAllowedError
from riskctl.holds import ADMIN, COMPLIANCE, RISK, SRE
from trading.clock import utc_now
from trading.database import conninfo

VERIFIES = frozenset({ADMIN, RISK, SRE, COMPLIANCE})
EXPORTS = frozenset({RISK, COMPLIANCE})
"""Who reads all of it (console.access.record_readers) and answers for it."""
CHUNK = 256 * 1024
MEDIA = {"jsonl": "application/jsonl", "csv": "text/csv; charset=utf-8"}


def moment_query(name: str, about: str) -> Field:
    """A time with a zone."""

    def parse(text: str) -> Any:
        found = parse_datetime(text)
        if found is None or found.tzinfo is None:
            raise ValueError(text)
        return found

    allowed = "a time with a zone, as 2026-11-21T09:30:00Z"
    return Field(name, parse, allowed, about, {"type": "string", "format": "date-time"})


def text_query(name: str, about: str) -> Field:
    pattern = r"[^\x00-\x1f\x7f]{1,200}"

    def parse(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(text)
        return text

    return Field(name, parse, "1 to 200 characters, none of them for control", about)


FORM = choice("form", FORMS, "jsonl, with proofs, for the verifier; or csv, for people.")
EXPORT_QUERY = (
    FORM,
    moment_query("since", "Recorded at or after this."),
    moment_query("until", "Recorded before this."),
    text_query("actor", "Only by this actor."),
    text_query("action", "Only this action."),
    choice("outcome", Outcome.values, "Only with this outcome."),
    text_query("object_kind", "Only on objects of this kind."),
    text_query("object_id", "Only on the object of this id."),
    text_query("correlation_id", "Only of this correlation."),
)


class AnchoredShape(Shape):
    anchor = text_field("Where: file:NAME or witness:HOST.")
    size = serializers.IntegerField(help_text="Entries under the checkpoint that is kept there.")
    at = moment_field("When it was kept.")


class VerificationShape(Shape):
    begun_at = moment_field()
    ended_at = moment_field()
    asked_by = text_field()
    whole = serializers.BooleanField()
    entries = serializers.IntegerField(help_text="How many were checked.")
    signed = serializers.IntegerField(help_text="How many of them are signed.")
    first_bad = serializers.IntegerField(allow_null=True, help_text="Index of the first bad one.")
    last_bad = serializers.IntegerField(
        allow_null=True, help_text="Of a range in which the first bad one lies."
    )
    why = text_field("Empty: whole.")


class RecordShape(Shape):
    status = serializers.ChoiceField(
        ("whole", "not-whole", "unknown"),
        help_text="unknown: nothing was signed, or not for five minutes.",
    )
    why = text_field("Why it is not whole, or not known.")
    checkpoint = text_field("The newest, a signed note (C2SP).", null=True)
    size = serializers.IntegerField(allow_null=True, help_text="Entries under it.")
    signed_at = moment_field(null=True)
    waiting = serializers.IntegerField(help_text="Entries that have no place yet; 1000: or more.")
    role_may_only_add = serializers.BooleanField(
        help_text="false: the desk's database role could rewrite the record (DATABASE_OWNER_URL)."
    )
    anchors = AnchoredShape(many=True)
    verification = VerificationShape(allow_null=True, help_text="The last check of all entries.")
    key_id = text_field("Of the key in force.")
    public_key = text_field("PEM: what the verifier takes as --key.")


def roles_behind(request: Request) -> frozenset[str]:
    """Of the person, or of who owns the token. Raises db.Error."""
    behind: Any = request.auth
    if isinstance(behind, ApiToken):
        return rights_read(behind.owner.get_username()).roles
    return rights_read(behind.name).roles if isinstance(behind, Person) else frozenset()


class _ForRoles(ApiView):
    roles: frozenset[str] = frozenset()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if not roles_behind(request) & self.roles:
            names = ", ".join(sorted(self.roles))
            raise NotAllowedError("record-not-your-role", f"this is for the roles {names}")


class RecordVerify(_ForRoles):
    roles = VERIFIES

    @described(
        RecordShape,
        "Whether the record is whole: the newest checkpoint and where it is kept, whether the "
        "stored tree still is the signed one (looked at now), and what the last check of all "
        "entries found (made every night, or by manage.py audit_verify).",
        name="audit_verify",
    )
    def get(self, request: Request) -> Response:
        found = record_standing(utc_now())
        signed = found.checkpoint
        return Response(RecordShape({
            "status": found.status, "why": found.why, "waiting": found.waiting,
            "checkpoint": signed.note if signed else None, "size": signed.size if signed else None,
            "signed_at": found.signed_at, "anchors": found.kept, "verification": found.verified,
            "key_id": found.key_id, "public_key": found.public_pem,
            "role_may_only_add": not found.powers,
        }).data)  # fmt: skip


def _described_export() -> Callable[[Any], Any]:
    responses: dict[Any, Any] = {
        (200, media.partition(";")[0]): OpenApiResponse(OpenApiTypes.BINARY, "The export.")
        for media in MEDIA.values()
    }
    for status in (*DATA_PROBLEMS, 409):
        about = "Nothing was signed yet (record-unsigned)." if status == 409 else PROBLEMS[status]
        responses[status, MEDIA_TYPE] = OpenApiResponse(ProblemSerializer, about)
    return extend_schema(
        operation_id="audit_export", filters=False, responses=responses,
        parameters=[one.parameter() for one in EXPORT_QUERY],
        description="The record up to its newest checkpoint, or what is chosen of it, as it is "
        "read: the verifier (audit/verifier.py) checks jsonl. Is itself an entry.",
    )  # fmt: skip


class RecordExport(_ForRoles):
    roles = EXPORTS
    query = EXPORT_QUERY
    read_scopes = frozenset({ApiToken.Scope.EXPORT.value})

    @_described_export()
    def get(self, request: Request) -> StreamingHttpResponse:
        given = dict(self.given)
        form = given.pop("form", FORMS[0])
        behind: Any = request.auth
        actor = actor_of(request._request, behind)
        who = Who(actor.kind, actor.name, actor.on_behalf_of, actor.source, actor.request_id)
        own = psycopg.connect(conninfo(), autocommit=True, connect_timeout=3)
        export = Export(PlaceStore(own), who, Choice(**given), form)
        try:
            export.begin()
        except ExportError as error:
            own.close()
            raise ConflictError("record-unsigned", str(error)) from error
        except psycopg.Error:
            own.close()
            raise
        response = StreamingHttpResponse(_streamed(export, own), content_type=MEDIA[form])
        response["Content-Disposition"] = f'attachment; filename="audit.{form}"'
        return response


async def _streamed(export: Export, own: psycopg.Connection[Row]) -> AsyncIterator[bytes]:
    """Chunk by chunk, each made in a thread while the one before is sent."""
    lines = export.lines()
    try:
        while chunk := await sync_to_async(_chunk, thread_sensitive=False)(lines):
            yield chunk
    finally:
        await sync_to_async(_end, thread_sensitive=False)(lines, own)


def _chunk(lines: Iterator[bytes]) -> bytes:
    found, size = [], 0
    for line in lines:
        found.append(line)
        size += len(line)
        if size >= CHUNK:
            break
    return b"".join(found)


def _end(lines: Iterator[bytes], own: psycopg.Connection[Row]) -> None:
    """Whoever went away before the end is recorded as well."""
    try:
        lines.close()  # type: ignore[attr-defined]
    finally:
        own.close()
