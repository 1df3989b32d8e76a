"""Sessions: whose are open, and ending them. For people only."""

import datetime as dt
import uuid
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from console.access.revocation import session_revoke, sessions_revoke
from console.access.rights import actor_of
from console.access.sessionlist import (
    lives_of,
    session_keys_kept,
    session_state,
    sessions_listed,
)
from console.access.sessions import record_id
from console.api.base import ApiView, described
from console.api.bodies import NAME_LONGEST, OPERATOR, REASON, text_part
from console.api.paging import Order, page_of, paged_as
from console.api.permissions import PeopleOnly, ReadAccess
from console.api.queries import CURSOR, LIMIT, choice, name_field
from console.api.serializers import Shape, moment_field, text_field
from console.api.writes import WriteView, posted
from console.models import SessionRecord
from riskctl.actors import Actor, NotAllowedError
from riskctl.holds import ADMIN

STATUS = choice("status", ("open", "ended", "all"), "open when not given.")
PERSON = name_field("person", "Whose: one's own when not given; another's for an administrator.")
QUERY = (PERSON, STATUS, LIMIT, CURSOR)
NEWEST = Order("started_at", "id")
REVOKE_FIELDS = (REASON, OPERATOR)
OTHERS_FIELDS = (
    text_part("person", "Whose: one's own when not given.", longest=NAME_LONGEST),
    *REVOKE_FIELDS,
)
REVOKE_PROBLEMS = (400, 401, 403, 404, 405, 406, 429, 500, 503)


class SessionShape(Shape):
    id = text_field()
    person = text_field(source="person.username")
    state = serializers.SerializerMethodField(
        help_text="open, password only, ended, timed out or signed out."
    )
    this_one = serializers.SerializerMethodField(help_text="Whether this call came with it.")
    started_at = moment_field()
    seen_at = moment_field("Its last use, to the minute.")
    factor_at = moment_field("Its last second factor.", null=True)
    factor_kind = text_field("authenticator, passkey or recovery code.")
    address = text_field("Where it was last used from.")
    user_agent = text_field()
    ends_at = serializers.SerializerMethodField(help_text="At the latest, used or not.")
    ended_at = moment_field(null=True)
    ended_by = text_field()
    end_reason = text_field()

    def get_state(self, row: SessionRecord) -> str:
        kept = row.session_key in self.context["kept"]
        return session_state(row, self.context["now"], kept=kept)

    def get_this_one(self, row: SessionRecord) -> bool:
        return bool(row.id == self.context["this"])

    def get_ends_at(self, row: SessionRecord) -> str | None:
        return moment_field().to_representation(lives_of(row).ends_at)


def _shown(request: Request, rows: list[SessionRecord]) -> list[dict[str, Any]]:
    context = {
        "kept": session_keys_kept(rows),
        "now": dt.datetime.now(dt.UTC),
        "this": record_id(request._request.session),
    }
    return [dict(SessionShape(row, context=context).data) for row in rows]


def check_may_list(actor: Actor, username: str) -> None:
    """Raises NotAllowedError."""
    if username != actor.name and ADMIN not in actor.roles:
        raise NotAllowedError(
            "session-not-yours", "only an administrator sees other people's sessions"
        )


class Sessions(ApiView):
    permission_classes = (ReadAccess, PeopleOnly)
    query = QUERY

    @described(SessionShape(many=True), "Sessions, newest first.", QUERY, name="sessions")
    def get(self, request: Request) -> Response:
        behind: Any = request.auth
        actor = actor_of(request._request, behind)
        request._request.haltline_actor = actor  # type: ignore[attr-defined]
        username = self.given.get("person", actor.name)
        check_may_list(actor, username)
        rows = sessions_listed(
            username=username,
            now=dt.datetime.now(dt.UTC),
            status=self.given.get("status", "open"),
        )
        found, following = page_of(rows, NEWEST, self.given)
        return paged_as(request, _shown(request, found), following)


class RevokeSession(WriteView):
    """Takes something away: never limited, and without a second factor."""

    permission_classes = (ReadAccess, PeopleOnly)
    limited = False
    fields = REVOKE_FIELDS

    @posted(
        {200: (SessionShape, "It is over. Its sockets close within five seconds.")},
        "Ends a session: one's own, or as administrator anybody's.",
        name="session_revoke",
        fields=REVOKE_FIELDS,
        problems=REVOKE_PROBLEMS,
    )
    def post(self, request: Request, session_id: uuid.UUID) -> Response:
        actor = self.actor(request)
        reason = self.said.text("reason")

        def revoke() -> Response:
            row = session_revoke(session_id=session_id, actor=actor, reason=reason)
            return Response(_shown(request, [row])[0])

        return self.once(request, actor, revoke)


class RevokedShape(Shape):
    person = text_field()
    revoked = serializers.IntegerField(help_text="How many sessions were ended.")


class RevokeOthers(WriteView):
    permission_classes = (ReadAccess, PeopleOnly)
    limited = False
    fields = OTHERS_FIELDS

    @posted(
        {200: (RevokedShape, "They are over.")},
        "Ends all of one's own sessions but this one, or as administrator all of a person's.",
        name="sessions_revoke_others",
        fields=OTHERS_FIELDS,
        problems=REVOKE_PROBLEMS,
    )
    def post(self, request: Request) -> Response:
        actor = self.actor(request)
        username = self.said.text("person") or actor.name
        this = record_id(request._request.session)

        def revoke() -> Response:
            count = sessions_revoke(
                username=username, actor=actor, reason=self.said.text("reason"), keep=this
            )
            return Response({"person": username, "revoked": count})

        return self.once(request, actor, revoke)
