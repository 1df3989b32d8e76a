"""People, their roles and desks: read, invite, take away at once, ask to give."""

from collections.abc import Callable
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from console.access.desks import RIGHTS
from console.access.people import (
    PersonFacts,
    desk_leave,
    people_read,
    person_create,
    person_disable,
    person_read,
    role_revoke,
)
from console.access.rights import rights_of
from console.access.role_grant import (
    desk_join_request,
    person_enable_request,
    role_grant_request,
)
from console.access.roles import ROLES, SECOND, reads_people
from console.api.base import ApiView, described
from console.api.bodies import OPERATOR, REASON, WHY, BodyField, choice_part, text_part
from console.api.brake_shapes import ApprovalShape
from console.api.holds import LIFT_PROBLEMS, READ_ONE, asked
from console.api.problems import BodyInvalidError
from console.api.serializers import Shape, moment_field, text_field
from console.api.writes import WriteView, posted
from console.models import ApiToken, Desk
from riskctl.actors import Actor, NotAllowedError
from riskctl.models import Approval

ROLE = choice_part("role", ROLES, "The role.")
DESK = text_part("desk", "The desk's key.", longest=50)
GRANT_FIELDS = (ROLE, DESK, WHY, OPERATOR)
REVOKE_FIELDS = (ROLE, DESK, REASON, OPERATOR)
ENABLE_FIELDS = (WHY, OPERATOR)
DISABLE_FIELDS = (REASON, OPERATOR)
CREATE_FIELDS = (
    text_part("username", "Small letters, digits, dots, dashes, underscores.", required=True,
              longest=60),
    text_part("first_name", "", required=True, longest=150),
    text_part("last_name", "", required=True, longest=150),
    text_part("email", "", longest=254),
    OPERATOR,
)  # fmt: skip


def _texts(about: str = "") -> Any:
    return serializers.ListField(child=serializers.CharField(), help_text=about)


class PersonShape(Shape):
    username = text_field()
    name = text_field()
    active = serializers.BooleanField()
    superuser = serializers.BooleanField(help_text="Then no role counts.")
    roles = _texts()
    desks = _texts("Keys.")
    last_sign_in = moment_field("When the password was last given.", null=True)
    factors = _texts("Kind and name of each second factor.")
    conflicts = serializers.SerializerMethodField(
        help_text="Why roles held should not be one person's."
    )

    def get_conflicts(self, row: PersonFacts) -> list[str]:
        return [f"{' and '.join(sorted(one.roles))}: {one.why}" for one in row.conflicts]


class InvitedShape(Shape):
    username = text_field()
    password = text_field("Shown once: good for the first sign-in, to be replaced there.")
    until = moment_field()


class RoleShape(Shape):
    name = text_field()
    title = text_field()
    may = _texts("In words.")
    permissions = _texts()
    second = _texts("Of which roles the two people are who grant it; one is an administrator.")


class DeskShape(Shape):
    key = text_field()
    title = text_field()
    rights = _texts(f"Of its people on its strategies: of {', '.join(RIGHTS)}.")
    strategies = _texts()
    people = _texts()


def check_reads_people(view: ApiView, request: Request) -> None:
    """People are for administrators, risk and compliance. Raises NotAllowedError."""
    behind: Any = request.auth
    name = behind.owner.get_username() if isinstance(behind, ApiToken) else behind.name
    if not reads_people(rights_of(request._request, name).roles):
        raise NotAllowedError(
            "people-not-your-role", "people are shown to administrators, risk and compliance"
        )


class People(WriteView):
    http_method_names = ["get", "head", "post"]
    fields = CREATE_FIELDS

    @described(PersonShape(many=True), "Everybody, by user name.", name="people")
    def get(self, request: Request) -> Response:
        check_reads_people(self, request)
        return Response(PersonShape(people_read(), many=True).data)

    @posted(
        {201: (InvitedShape, "Made, and invited. Roles and desks take two people.")},
        "Makes a person without any role and invites them. An administrator, with a second factor "
        "of the last five minutes.",
        name="person_create",
        fields=CREATE_FIELDS,
    )
    def post(self, request: Request) -> Response:
        # Without the key's memory: what is answered is shown once and kept by nobody.
        actor, said = self.actor(request), self.said
        invited = person_create(
            username=said.text("username"),
            first_name=said.text("first_name"),
            last_name=said.text("last_name"),
            email=said.text("email"),
            actor=actor,
        )
        headers = {"Location": f"/api/people/{invited.username}"}
        return Response(InvitedShape(invited).data, 201, headers=headers)


class PersonOne(ApiView):
    @described(PersonShape, "One person.", name="person", problems=READ_ONE)
    def get(self, request: Request, username: str) -> Response:
        check_reads_people(self, request)
        return Response(PersonShape(person_read(username)).data)


class _PersonWrite(WriteView):
    def answered(
        self, request: Request, work: Callable[[Actor], PersonFacts | Approval]
    ) -> Response:
        actor = self.actor(request)

        def answer() -> Response:
            done = work(actor)
            return asked(done) if isinstance(done, Approval) else Response(PersonShape(done).data)

        return self.once(request, actor, answer)

    def one_of(self) -> str:
        """Which of role and desk is named. Raises BodyInvalidError for none or both."""
        given = [name for name in ("role", "desk") if self.said.text(name)]
        if len(given) != 1:
            raise BodyInvalidError("role", "Name a role or a desk, one of them.", ["role", "desk"])
        return given[0]


def _asks(about: str, name: str, fields: tuple[BodyField, ...]) -> Callable[[Any], Any]:
    return posted(
        {202: (ApprovalShape, "The request for the other person.")}, about, name=name,
        fields=fields, problems=LIFT_PROBLEMS,
    )  # fmt: skip


def _takes(about: str, name: str, fields: tuple[BodyField, ...]) -> Callable[[Any], Any]:
    return posted(
        {200: (PersonShape, "Done.")}, about, name=name, fields=fields, problems=LIFT_PROBLEMS
    )


class PersonDisable(_PersonWrite):
    fields = DISABLE_FIELDS

    @_takes(
        "Disables a person at once: sessions end, tokens are refused. An administrator.",
        "person_disable",
        DISABLE_FIELDS,
    )
    def post(self, request: Request, username: str) -> Response:
        reason = self.said.text("reason")
        return self.answered(
            request, lambda actor: person_disable(username=username, actor=actor, reason=reason)
        )


class PersonEnable(_PersonWrite):
    fields = ENABLE_FIELDS

    @_asks("Asks that a person comes back. Takes two people.", "person_enable", ENABLE_FIELDS)
    def post(self, request: Request, username: str) -> Response:
        reason = self.said.text("reason")
        return self.answered(
            request,
            lambda actor: person_enable_request(username=username, actor=actor, reason=reason),
        )


class PersonGrant(_PersonWrite):
    fields = GRANT_FIELDS

    @_asks("Asks that a person gets a role, or joins a desk.", "person_grant", GRANT_FIELDS)
    def post(self, request: Request, username: str) -> Response:
        what, said = self.one_of(), self.said
        reason = said.text("reason")

        def ask(actor: Actor) -> Approval:
            if what == "role":
                return role_grant_request(
                    username=username, role=said.text("role"), actor=actor, reason=reason
                )
            return desk_join_request(
                username=username, desk=said.text("desk"), actor=actor, reason=reason
            )

        return self.answered(request, ask)


class PersonRevoke(_PersonWrite):
    fields = REVOKE_FIELDS

    @_takes("Takes a role or a desk away at once. An administrator.", "person_revoke",
            REVOKE_FIELDS)  # fmt: skip
    def post(self, request: Request, username: str) -> Response:
        what, said = self.one_of(), self.said
        reason = said.text("reason")

        def take(actor: Actor) -> PersonFacts:
            if what == "role":
                return role_revoke(
                    username=username, role=said.text("role"), actor=actor, reason=reason
                )
            return desk_leave(username=username, desk=said.text("desk"), actor=actor, reason=reason)

        return self.answered(request, take)


class Roles(ApiView):
    @described(RoleShape(many=True), "The roles, and what each may.", name="roles")
    def get(self, request: Request) -> Response:
        rows = [
            {
                "name": one.name, "title": one.title, "may": one.may,
                "permissions": sorted(one.codes), "second": sorted(SECOND[one.name]),
            }
            for one in ROLES.values()
        ]  # fmt: skip
        return Response(RoleShape(rows, many=True).data)


class Desks(ApiView):
    @described(DeskShape(many=True), "The desks: people, strategies, rights.", name="desks")
    def get(self, request: Request) -> Response:
        check_reads_people(self, request)
        rows = [
            {
                "key": one.key, "title": one.title, "rights": one.rights,
                "strategies": sorted(it.key for it in one.strategies.all()),
                "people": sorted(it.get_username() for it in one.people.all()),
            }
            for one in Desk.objects.prefetch_related("strategies", "people")
        ]  # fmt: skip
        return Response(DeskShape(rows, many=True).data)
