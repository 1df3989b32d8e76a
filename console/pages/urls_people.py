"""Addresses of people and sizes."""

from django.urls import URLPattern, re_path

from console.pages import people, size

_NAME = r"(?P<username>[A-Za-z0-9][A-Za-z0-9._\-@+]{0,149})"

urlpatterns: list[URLPattern] = [
    re_path(
        r"^strategies/(?P<key>[A-Za-z0-9_\-]{1,60})/size/?$",
        size.size_changed,
        name="strategy-size-set",
    ),
    re_path(r"^people/?$", people.people_page, name="people"),
    re_path(rf"^people/{_NAME}/?$", people.person_page, name="person"),
    re_path(rf"^people/{_NAME}/invite/?$", people.person_invited, name="person-invite"),
    re_path(
        rf"^people/{_NAME}/(?P<verb>{'|'.join(people.VERBS)})/?$",
        people.person_changed,
        name="person-change",
    ),
]
