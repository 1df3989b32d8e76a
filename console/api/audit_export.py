"""Exports of the record: the whole of it, what a search finds, or a story, in one of the forms."""

import threading
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import psycopg
from asgiref.sync import sync_to_async
from django.http import StreamingHttpResponse
from django.utils.module_loading import import_string
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request

from audit.choosing import Choice, choice_of, choice_of_story
from audit.export import Export, ExportError, Who
from audit.forms import Csv, Form, JsonLines
from audit.places import PlaceStore, Row
from audit.reading import SearchTooWideError
from audit.story import story_read
from console.access.record_links import asked_about
from console.access.record_readers import exported_families
from console.access.rights import actor_of
from console.api.audit import RecordView, TooWideError
from console.api.audit_query import FILTERS, STORY, search_of
from console.api.base import DATA_PROBLEMS, PROBLEMS, ProblemSerializer
from console.api.problems import MEDIA_TYPE, ConflictError, QueryInvalidError
from console.api.queries import Field, choice
from console.models import ApiToken
from console.pages.desk import owner_names
from trading.database import conninfo

CHUNK = 256 * 1024
PDF_MOST = 2_000
"""Entries of a PDF: some two hundred pages."""
_PDF = "console.pages.auditpdf.Pdf"
"""Loaded by the first who wants one: what it is set with would make every process start later."""


def _pdf() -> Form:
    made: Form = import_string(_PDF)(owner_names(), PDF_MOST)
    return made


FORMS: dict[str, Callable[[], Form]] = {"jsonl": JsonLines, "csv": Csv, "pdf": _pdf}
_MEDIA = (JsonLines.media, Csv.media.partition(";")[0], "application/pdf")
FORM = choice(
    "form", FORMS, "jsonl, with proofs, for the verifier; csv, for spreadsheets; pdf, for people."
)
EXPORT_QUERY: tuple[Field, ...] = (FORM, *FILTERS, STORY)
COUNT, SIZE = "Haltline-Entries", "Haltline-Tree-Size"
"""Headers: how many entries come, where that is known; and the index that all are below."""


def choice_asked(given: Mapping[str, Any], families: frozenset[str] | None) -> Choice:
    """``given``: values of ``FILTERS`` and ``STORY``. Raises QueryInvalidError, db.Error,
    audit.reading.SearchTooWideError for a story."""
    if STORY.name not in given:
        return choice_of(search_of(given, families))
    if len(given) > 1:
        raise QueryInvalidError(
            STORY.name, "A story is exported as it is, without a search.", STORY.allowed
        )
    found = story_read(given[STORY.name], families=families, elsewhere=asked_about)
    return choice_of_story(given[STORY.name], [one.id for one in found.entries])


def _described_export() -> Callable[[Any], Any]:
    responses: dict[Any, Any] = {
        (200, media): OpenApiResponse(OpenApiTypes.BINARY, "The export.") for media in _MEDIA
    }
    for status in (*DATA_PROBLEMS, 409):
        about = PROBLEMS[status]
        if status == 409:
            about = ("Nothing was signed yet (record-unsigned), or it is more than a PDF takes"
                     " (export-too-long).")  # fmt: skip
        responses[status, MEDIA_TYPE] = OpenApiResponse(ProblemSerializer, about)
    return extend_schema(
        operation_id="audit_export", filters=False, responses=responses,
        parameters=[one.parameter() for one in EXPORT_QUERY],
        description="The record up to its newest checkpoint, or what a search or a story has of it "
        "(the fields of /api/audit), as it is read: the verifier (audit/verifier.py) checks jsonl. "
        f"A PDF has {PDF_MOST:,} entries at most. Is itself an entry. The header {COUNT} says how "
        f"many entries come, where that is known before; all are of an index below {SIZE}.",
    )  # fmt: skip


class RecordExport(RecordView):
    query = EXPORT_QUERY
    read_scopes = frozenset({ApiToken.Scope.EXPORT.value})
    rule = staticmethod(exported_families)

    @_described_export()
    def get(self, request: Request) -> StreamingHttpResponse:
        given = dict(self.given)
        form = FORMS[given.pop("form", JsonLines.name)]()
        try:
            asked = choice_asked(given, self.families)
        except SearchTooWideError:
            raise TooWideError from None
        behind: Any = request.auth
        actor = actor_of(request._request, behind)
        who = Who(actor.kind, actor.name, actor.on_behalf_of, actor.source, actor.request_id)
        own = psycopg.connect(conninfo(), autocommit=True, connect_timeout=3)
        export = Export(PlaceStore(own), who, asked, form)
        try:
            head = export.begin()
        except ExportError as error:
            own.close()
            raise ConflictError(error.code, str(error)) from error
        except psycopg.Error:
            own.close()
            raise
        response = StreamingHttpResponse(_streamed(_Pieces(export, own)), content_type=form.media)
        response["Content-Disposition"] = f'attachment; filename="audit.{form.name}"'
        response[SIZE] = str(head.size)
        if export.count is not None:
            response[COUNT] = str(export.count)
        return response


async def _streamed(pieces: "_Pieces") -> AsyncIterator[bytes]:
    """Chunk by chunk, each made in a thread while the one before is sent."""
    try:
        while chunk := await sync_to_async(pieces.chunk, thread_sensitive=False)():
            yield chunk
    finally:
        await sync_to_async(pieces.end, thread_sensitive=False)()


class _Pieces:
    """Whoever goes away while a chunk is made waits for nobody; its thread goes on, and the end is
    recorded after it."""

    def __init__(self, export: Export, own: psycopg.Connection[Row]) -> None:
        self._lines, self._own = export.lines(), own
        self._turn = threading.Lock()

    def chunk(self) -> bytes:
        found, size = [], 0
        with self._turn:
            for line in self._lines:
                found.append(line)
                size += len(line)
                if size >= CHUNK:
                    break
        return b"".join(found)

    def end(self) -> None:
        """Whoever went away before the end is recorded as well."""
        with self._turn:
            try:
                self._lines.close()  # type: ignore[attr-defined]
            finally:
                self._own.close()
