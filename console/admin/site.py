"""The site and what each of its lists is: read-only, without a way around."""

from collections.abc import Callable
from functools import update_wrapper
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, cast

from django.contrib.admin import AdminSite, ModelAdmin
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, re_path, reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from console.access.rights import roles_of
from console.access.sessions import Standing, person
from console.pages.framing import framed
from riskctl.holds import ADMIN

if TYPE_CHECKING:
    Base = ModelAdmin[Any]
else:
    Base = ModelAdmin

View = Callable[..., HttpResponse]
OBJECT = r"(?P<object_id>[A-Za-z0-9_\-]{1,64})"


class ReadOnlySite(AdminSite):
    """For people in the role administrator, signed in with both factors. Its own sign-in, its
    forms and the flags ``is_staff`` and ``is_superuser`` mean nothing here.
    """

    index_title = "Records"
    enable_nav_sidebar = False

    def has_permission(self, request: HttpRequest) -> bool:
        behind = person(request)
        return behind.standing is Standing.FACTOR and ADMIN in roles_of(behind.name)

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """``view`` for reading; PermissionDenied, which is recorded, for anybody else."""

        def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not self.has_permission(request):
                raise PermissionDenied
            answer: HttpResponse = view(request, *args, **kwargs)
            return answer

        return update_wrapper(require_safe(never_cache(inner)), view)

    def get_urls(self) -> list[Any]:
        """An index, and for each table a list and its records: nothing that writes."""
        found = [re_path(r"^/?$", self.admin_view(self.index), name="index")]
        for model, admin in self._registry.items():
            found += self._addresses(model, admin)
        return found

    def _addresses(self, model: type[Model], admin: Any) -> list[URLPattern]:
        label, name = model._meta.app_label, model._meta.model_name
        return [
            re_path(
                rf"^/{label}/{name}/?$", self.admin_view(admin.changelist_view),
                name=f"{label}_{name}_changelist",
            ),
            re_path(
                rf"^/{label}/{name}/{OBJECT}/?$", self.admin_view(admin.change_view),
                name=f"{label}_{name}_change",
            ),
        ]  # fmt: skip

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """The console's own frame: the state band and Stop are on these pages as well."""
        return {**framed(request, "records").context, "is_popup": False}

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """Not by app: one list of all tables."""
        return [
            {
                "name": admin.title,
                "about": admin.about,
                "url": reverse(
                    f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
                ),
            }
            for model, admin in self._tables()
        ]

    def _tables(self) -> list[tuple[type[Model], "ReadOnly"]]:
        return [(model, cast(ReadOnly, admin)) for model, admin in self._registry.items()]

    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """There is one sign-in, the console's."""
        return HttpResponseRedirect(reverse("sign-in"))


class ReadOnly(Base):
    """``shown``: fields of one record, and no others; ``list_filter`` names what may be filtered.

    ``title`` and ``about`` say what the table holds.
    """

    title: ClassVar[str]
    about: ClassVar[str]
    shown: ClassVar[tuple[str, ...]] = ()
    actions = None
    list_per_page = 100
    show_full_result_count = False
    show_facets = False  # type: ignore[assignment]
    view_on_site = False
    empty_value_display = "–"
    admin_site: ReadOnlySite

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return self.shown

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return self.shown

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        said = {**context, "table": self.title, "about": self.about}
        answer: HttpResponse = super().render_change_form(request, said, *args, **kwargs)
        return answer

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.admin_site.has_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.admin_site.has_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Only what is offered. Django allows every column, a password's hash among them, which
        answers questions about it: ``?password__startswith=…``.
        """
        offered = {str(one) for one in self.list_filter}
        return lookup.removesuffix("__exact").removesuffix("__id") in offered

    def _get_obj_does_not_exist_redirect(
        self, request: HttpRequest, opts: Any, object_id: str
    ) -> NoReturn:
        raise Http404
