"""The record by REST: searched as the page does, entry by entry, to whom it is theirs to read."""

import uuid
from typing import Any

from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from audit.models import ActorKind, Entry, Outcome
from audit.proving import entry_prove
from audit.reading import SearchTooWideError, entries_read, entry_get
from audit.story import body_of, followed_read, story_read, strategies_resumed
from audit.verifier import encode64
from console.access.record_links import asked_about
from console.access.record_readers import record_families
from console.access.rights import rights_of
from console.api.audit_query import QUERY, STORY, cursor_of, one_id, place_of, search_of
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


class AnchoredShape(Shape):
    anchor = text_field("Where: file:NAME or witness:HOST.")
    size = serializers.IntegerField(help_text="Entries under the checkpoint that is kept there.")
    at = moment_field("When it was kept.")


class ProofShape(Shape):
    index = serializers.IntegerField(help_text="Its place in the record.")
    recorded_at = text_field("As it is hashed.")
    leaf = text_field("Of its bytes as they are now, base64.")
    chain = text_field("The chain's value at its place, base64.")
    checkpoint = text_field("The first that covers it, a signed note; null: none yet.", null=True)
    proof = serializers.ListField(
        child=serializers.CharField(), help_text="Hashes from the leaf to the root, base64."
    )
    holds = serializers.BooleanField(help_text="Whether all of this was found to be so, now.")
    why = text_field("What is not so.")
    anchors = AnchoredShape(many=True, help_text="Where it is kept, or the next one after it.")


class BroughtBackShape(Shape):
    strategy = text_field()
    at = moment_field("When its return was recorded.")


class StoryShape(Shape):
    id = text_field("As it was asked for.")
    whole = serializers.BooleanField(help_text="false: more hangs together with it than is here.")
    entries = EntryShape(many=True)
    resumed = BroughtBackShape(many=True, help_text="Strategies that the story brought back.")
    followed = EntryShape(many=True, help_text="Their first orders and fills after that.")


class RecordView(ApiView):
    """``families``: of which the caller may see entries, by ``rule`` (record_readers)."""

    read_scopes = SCOPES
    rule = staticmethod(record_families)
    families: frozenset[str] | None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        behind: Any = request.auth
        name = behind.owner.get_username() if isinstance(behind, ApiToken) else behind.name
        self.families = self.rule(rights_of(request._request, name).roles)


class AuditList(RecordView):
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


class AuditOne(RecordView):
    @described(
        WholeEntryShape, "One entry, with its canonical bytes.", name="audit_entry",
        problems=READ_ONE,
    )  # fmt: skip
    def get(self, request: Request, entry_id: uuid.UUID) -> Response:
        row = entry_get(uuid.UUID(str(entry_id)), self.families)
        if row is None:
            raise NoSuchError(f"There is no entry {entry_id} that you may see. See /api/audit.")
        return Response(WholeEntryShape(row).data)


class AuditProof(RecordView):
    @described(
        ProofShape,
        "That one entry lies in the record as it is: made and checked now. The leaf is SHA-256 "
        "over a zero byte, recorded_at, a line end and the body; the path leads from it to the "
        "root of the checkpoint (RFC 9162, 2.1.3.2). Of an entry without a place (404) ask again: "
        "it gets one within a second.",
        name="audit_proof",
        problems=READ_ONE,
    )
    def get(self, request: Request, entry_id: uuid.UUID) -> Response:
        row = entry_get(uuid.UUID(str(entry_id)), self.families)
        found = entry_prove(row.id) if row is not None else None
        if found is None:
            raise NoSuchError(
                f"There is no entry {entry_id} that you may see and that has a place."
                " See /api/audit."
            )
        signed = found.checkpoint
        return Response(ProofShape({
            "index": found.index, "recorded_at": found.recorded_at, "leaf": encode64(found.leaf),
            "chain": encode64(found.chain), "checkpoint": signed.note if signed else None,
            "proof": [encode64(one) for one in found.path], "holds": found.holds,
            "why": found.why, "anchors": found.kept,
        }).data)  # fmt: skip


class AuditStory(RecordView):
    @described(
        StoryShape,
        "What hangs together with an id, in the order it happened: from a click to the fills. The "
        "id may be that of a correlation, a request, a hold, an approval, an order or a fill.",
        name="audit_story",
        problems=(*READ_ONE, 400),
    )
    def get(self, request: Request, ident: str) -> Response:
        try:
            found = story_read(one_id(ident), families=self.families, elsewhere=asked_about)
            back = strategies_resumed(found)
            after = followed_read(back, min(back.values()), families=self.families) if back else []
        except SearchTooWideError:
            raise TooWideError from None
        except ValueError:
            raise NoSuchError(f"There is no id {ident!r}: {STORY.allowed}.") from None
        if not found.entries:
            raise NoSuchError("Nothing that you may see hangs together with this id.")
        return Response(StoryShape({
            "id": ident, "whole": found.whole, "entries": found.entries, "followed": after,
            "resumed": [{"strategy": name, "at": at} for name, at in sorted(back.items())],
        }).data)  # fmt: skip
