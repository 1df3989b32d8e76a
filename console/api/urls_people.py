"""Addresses of people, roles, desks and sizes."""

from django.urls import URLPattern, re_path

from console.api import people, size

_PERSON = r"^api/people/(?P<username>[A-Za-z0-9][A-Za-z0-9._\-@+]{0,149})"

urlpatterns: list[URLPattern] = [
    re_path(
        r"^api/strategies/(?P<strategy>[A-Za-z0-9][A-Za-z0-9._\-]{0,60})/size/?$",
        size.StrategySize.as_view(),
        name="strategy-size",
    ),
    re_path(r"^api/people/?$", people.People.as_view(), name="api-people"),
    re_path(rf"{_PERSON}/?$", people.PersonOne.as_view(), name="api-person"),
    re_path(rf"{_PERSON}/disable/?$", people.PersonDisable.as_view(), name="api-person-disable"),
    re_path(rf"{_PERSON}/enable/?$", people.PersonEnable.as_view(), name="api-person-enable"),
    re_path(rf"{_PERSON}/grant/?$", people.PersonGrant.as_view(), name="api-person-grant"),
    re_path(rf"{_PERSON}/revoke/?$", people.PersonRevoke.as_view(), name="api-person-revoke"),
    re_path(r"^api/roles/?$", people.Roles.as_view(), name="api-roles"),
    re_path(r"^api/desks/?$", people.Desks.as_view(), name="api-desks"),
]
