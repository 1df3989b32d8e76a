"""API tokens of people: made, asked for, collected, rotated, revoked. No token manages tokens.

A secret is in the answer to the one call that made it. It is not kept with an Idempotency-Key: the
same call again says the same without it.
"""

import datetime as dt
from collections.abc import Callable
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from console.access.rights import actor_of
from console.access.token_wish import MOST_DAYS, READ_ALONE, wanted
from console.access.tokens import (
    Made,
    token_ask,
    token_collect,
    token_make,
    token_revoke,
    token_rotate,
    token_state,
)
from console.api.base import described
from console.api.bodies import OPERATOR, REASON, BodyField, text_part
from console.api.brake_shapes import ApprovalShape
from console.api.holds import asked
from console.api.paging import Order, page_of, paged_as
from console.api.permissions import PeopleOnly, ReadAccess
from console.api.queries import CURSOR, LIMIT, name_field
from console.api.serializers import Shape, moment_field, text_field
from console.api.writes import WriteView, posted
from console.models import ApiToken
from riskctl.actors import Actor, NotAllowedError
from riskctl.holds import ADMIN

EVERYBODY = "all"
OWNER = name_field(
    "owner", "Whose: one's own when not given; another's, or 'all', for an administrator."
)
QUERY = (OWNER, LIMIT, CURSOR)
NEWEST = Order("created_at", "id")


def texts_part(name: str, about: str, allowed: str, *, required: bool = False) -> BodyField:
    def parse(value: Any) -> list[str]:
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise ValueError(value)
        return value

    options = {"child": serializers.CharField()}
    return BodyField(name, parse, allowed, about, serializers.ListField, required, options)


def whole_part(name: str, about: str, least: int, most: int) -> BodyField:
    def parse(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise ValueError(value)
        return value

    allowed = f"a whole number from {least} to {most}"
    return BodyField(name, parse, allowed, about, serializers.IntegerField, required=True)


MAKE_FIELDS = (
    text_part("name", "By which the record names it; free among one's own.", required=True),
    texts_part("scopes", "What it may do.", f"a list of {', '.join(ApiToken.Scope.values)}",
               required=True),
    texts_part("networks", "From where it may be used, as CIDR; from anywhere when not given.",
               "a list of networks, e.g. 192.0.2.0/24 or 2001:db8::/32"),
    whole_part("days", "How long it lives.", 1, MOST_DAYS),
    text_part("reason", "Why, for the second person where it takes one."),
    OPERATOR,
)  # fmt: skip
ROTATE_FIELDS = (
    whole_part("overlap_hours", "How long the secret before stays good.", 0, 24),
    OPERATOR,
)
COLLECT_FIELDS = (OPERATOR,)
REVOKE_FIELDS = (REASON, OPERATOR)
PROBLEMS = (400, 401, 403, 404, 405, 406, 409, 429, 500, 503)


class TokenShape(Shape):
    id = serializers.IntegerField()
    name = text_field()
    owner = text_field(source="owner.username")
    scopes = serializers.ListField(child=serializers.CharField())
    networks = serializers.ListField(
        child=serializers.CharField(), help_text="CIDR; empty: from anywhere."
    )
    state = serializers.SerializerMethodField(
        help_text="good, to collect, not collected, expired or revoked."
    )
    created_at = moment_field()
    expires_at = moment_field()
    last_used_at = moment_field("To the minute.", null=True)
    last_used_from = text_field()
    version = serializers.IntegerField(help_text="How often it was rotated.")
    previous_until = moment_field("Until when the secret before is good.", null=True)
    collect_until = moment_field("While its secret waits to be made.", null=True)
    approval = text_field("The request by which two people agreed.", null=True)
    revoked_at = moment_field(null=True)
    revoked_by = text_field()
    revoke_reason = text_field()

    def get_state(self, row: ApiToken) -> str:
        return token_state(row, dt.datetime.now(dt.UTC))


class TokenMadeShape(TokenShape):
    token = text_field("The secret, shown this once; null when it was shown before.", null=True)


class _TokenView(WriteView):
    permission_classes = (ReadAccess, PeopleOnly)

    def shown_once(
        self, request: Request, actor: Actor, make: Callable[[], Made], status: int = 200
    ) -> Response:
        """The token with its secret, which is put in after the answer was kept for its key."""
        made: list[Made] = []

        def work() -> Response:
            made.append(make())
            return Response({**TokenShape(made[0].token).data, "token": None}, status)

        answer = self.once(request, actor, work)
        if made:
            answer.data = {**answer.data, "token": made[0].text}
        return answer


class Tokens(_TokenView):
    http_method_names = ["get", "head", "post"]
    query = QUERY
    fields = MAKE_FIELDS

    @described(TokenShape(many=True), "Tokens, newest first.", QUERY, name="tokens")
    def get(self, request: Request) -> Response:
        behind: Any = request.auth
        actor = actor_of(request._request, behind)
        request._request.haltline_actor = actor  # type: ignore[attr-defined]
        rows = ApiToken.objects.select_related("owner").order_by("-created_at", "-id")
        owner = self.given.get("owner", actor.name)
        check_may_list(actor, owner)
        if owner != EVERYBODY:
            rows = rows.filter(owner__username=owner)
        found, following = page_of(rows, NEWEST, self.given)
        return paged_as(request, TokenShape(found, many=True).data, following)

    @posted(
        {
            201: (TokenMadeShape, "Made; 'token' is its secret, shown this once."),
            202: (ApprovalShape, "It takes two people: this is the request for the other one."),
        },
        "Makes a token that only reads, or asks a second person for one that does more.",
        name="token_make",
        fields=MAKE_FIELDS,
        problems=PROBLEMS,
    )
    def post(self, request: Request) -> Response:
        actor, said = self.actor(request), self.said
        wish = wanted(
            name=said.text("name"),
            scopes=said.values["scopes"],
            networks=said.values.get("networks", []),
            days=said.values["days"],
        )
        if set(wish.scopes) == READ_ALONE:
            return self.shown_once(
                request, actor, lambda: token_make(actor=actor, wish=wish), status=201
            )
        reason = said.text("reason")
        return self.once(
            request, actor, lambda: asked(token_ask(actor=actor, wish=wish, reason=reason))
        )


def check_may_list(actor: Actor, owner: str) -> None:
    """Raises NotAllowedError."""
    if owner != actor.name and ADMIN not in actor.roles:
        raise NotAllowedError("token-not-yours", "only an administrator sees other people's tokens")


class CollectToken(_TokenView):
    fields = COLLECT_FIELDS

    @posted(
        {200: (TokenMadeShape, "Made; 'token' is its secret, shown this once.")},
        "Makes the secret of a token that two people agreed to. Its owner, within 24 hours.",
        name="token_collect",
        fields=COLLECT_FIELDS,
        problems=PROBLEMS,
    )
    def post(self, request: Request, token_id: int) -> Response:
        actor = self.actor(request)
        return self.shown_once(
            request, actor, lambda: token_collect(token_id=int(token_id), actor=actor)
        )


class RotateToken(_TokenView):
    fields = ROTATE_FIELDS

    @posted(
        {200: (TokenMadeShape, "Rotated; 'token' is the new secret, shown this once.")},
        "Gives one's own token a new secret; the one before stays good for the overlap.",
        name="token_rotate",
        fields=ROTATE_FIELDS,
        problems=PROBLEMS,
    )
    def post(self, request: Request, token_id: int) -> Response:
        actor = self.actor(request)
        overlap = dt.timedelta(hours=self.said.values["overlap_hours"])
        return self.shown_once(
            request,
            actor,
            lambda: token_rotate(token_id=int(token_id), actor=actor, overlap=overlap),
        )


class RevokeToken(_TokenView):
    """Takes something away: never limited, and without a second factor."""

    limited = False
    fields = REVOKE_FIELDS

    @posted(
        {200: (TokenShape, "It is over, at once.")},
        "Revokes a token: one's own, or as administrator anybody's.",
        name="token_revoke",
        fields=REVOKE_FIELDS,
        problems=PROBLEMS,
    )
    def post(self, request: Request, token_id: int) -> Response:
        actor = self.actor(request)
        reason = self.said.text("reason")

        def revoke() -> Response:
            row = token_revoke(token_id=int(token_id), actor=actor, reason=reason)
            return Response(TokenShape(row).data)

        return self.once(request, actor, revoke)
