"""The tables that administrators may look at, and what of them."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.db.models import QuerySet
from django.http import HttpRequest

from console.admin.site import ReadOnly, ReadOnlySite
from console.models import ApiToken, Authenticator, Desk, Passkey, RecoverySet, SessionRecord
from console.pages.approvalread import moment_words

site = ReadOnlySite(name="admin")


def moment(field: str, title: str = "") -> Any:
    """A column with a time as pages write it."""

    @admin.display(description=title or field.removesuffix("_at").replace("_", " "), ordering=field)
    def shown(_: Any, record: Any) -> str:
        at = getattr(record, field)
        return moment_words(at) if at else ""

    return shown


def yes(field: str, title: str) -> Any:
    """A column that says yes or no: Django's own is a picture."""

    @admin.display(description=title, ordering=field)
    def shown(_: Any, record: Any) -> str:
        return "yes" if getattr(record, field) else "no"

    return shown


@admin.register(User, site=site)
class Person(ReadOnly):
    title = "People"
    about = "People who may sign in, or could once."
    list_display = ("username", "name", "roles", "active", "joined", "signed_in")
    shown = (*list_display, "email", "desks_of", "authenticators", "passkeys", "superuser")
    list_filter = ("is_active", "groups")
    search_fields = ("username", "first_name", "last_name")
    ordering = ("username",)
    active = yes("is_active", "active")
    superuser = yes("is_superuser", "superuser (means nothing here)")
    joined = moment("date_joined", "joined")
    signed_in = moment("last_login", "last signed in")

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).prefetch_related("groups")

    @admin.display(description="name", ordering="last_name")
    def name(self, record: User) -> str:
        return record.get_full_name()

    @admin.display(description="roles")
    def roles(self, record: User) -> str:
        return ", ".join(sorted(one.name for one in record.groups.all()))

    @admin.display(description="desks")
    def desks_of(self, record: User) -> str:
        return ", ".join(str(one) for one in Desk.objects.filter(people=record))

    @admin.display(description="authenticators")
    def authenticators(self, record: User) -> str:
        found = Authenticator.objects.filter(user=record, confirmed=True)
        return ", ".join(one.name for one in found)

    @admin.display(description="passkeys")
    def passkeys(self, record: User) -> str:
        return ", ".join(one.name for one in Passkey.objects.filter(user=record))


@admin.register(Group, site=site)
class Role(ReadOnly):
    title = "Roles"
    about = "Which people hold them."
    list_display = ("name", "people")
    shown = list_display
    ordering = ("name",)

    @admin.display(description="people")
    def people(self, record: Group) -> str:
        return ", ".join(record.user_set.order_by("username").values_list("username", flat=True))


@admin.register(Desk, site=site)
class Desks(ReadOnly):
    title = "Desks"
    about = "Strategies and people that belong together."
    list_display = ("key", "title", "rights", "people_of", "strategies_of")
    shown = list_display
    ordering = ("key",)

    @admin.display(description="people")
    def people_of(self, record: Desk) -> str:
        return ", ".join(record.people.order_by("username").values_list("username", flat=True))

    @admin.display(description="strategies")
    def strategies_of(self, record: Desk) -> str:
        return ", ".join(record.strategies.order_by("key").values_list("key", flat=True))


@admin.register(SessionRecord, site=site)
class Session(ReadOnly):
    title = "Sessions"
    about = "Open and ended. The cookie's value is not here."
    list_display = ("id", "person", "started", "seen", "factor_kind", "address", "ended")
    shown = (*list_display, "factor", "user_agent", "ended_by", "end_reason")
    list_filter = ("factor_kind",)
    search_fields = ("person__username", "address")
    list_select_related = ("person",)
    ordering = ("-started_at",)
    started, seen = moment("started_at"), moment("seen_at", "last used")
    factor, ended = moment("factor_at", "second factor"), moment("ended_at")


@admin.register(ApiToken, site=site)
class Token(ReadOnly):
    title = "API tokens"
    about = "Their text was shown once; its digest is not here."
    list_display = ("name", "owner", "scopes", "expires", "used", "revoked")
    shown = (
        *list_display, "networks", "created", "version", "last_used_from", "revoked_by",
        "revoke_reason", "approval",
    )  # fmt: skip
    list_select_related = ("owner",)
    search_fields = ("name", "owner__username")
    ordering = ("-created_at",)
    created, expires = moment("created_at"), moment("expires_at")
    used, revoked = moment("last_used_at", "last used"), moment("revoked_at")


class Factor(ReadOnly):
    """What every kind of second factor has."""

    list_select_related = ("user",)
    search_fields = ("user__username",)
    created, used = moment("created_at"), moment("last_used_at", "last used")
    ready = yes("confirmed", "confirmed")


@admin.register(Authenticator, site=site)
class Authenticators(Factor):
    title = "Authenticators"
    about = "Apps that show codes. Their keys are not here."
    list_display = ("name", "user", "ready", "created", "used")
    shown = list_display
    ordering = ("user__username", "name")


@admin.register(Passkey, site=site)
class Passkeys(Factor):
    title = "Passkeys"
    about = "WebAuthn credentials. Their keys are not here."
    list_display = ("name", "user", "ready", "created", "used", "rp_id", "copied")
    shown = list_display
    ordering = ("user__username", "name")
    copied = yes("backed_up", "copied to other devices")


@admin.register(RecoverySet, site=site)
class RecoverySets(Factor):
    title = "Recovery codes"
    about = "How many are left, and none of them."
    list_display = ("user", "created", "used", "left")
    shown = list_display
    ordering = ("user__username",)

    @admin.display(description="codes left")
    def left(self, record: RecoverySet) -> str:
        return str(record.codes.filter(used_at=None).count())
