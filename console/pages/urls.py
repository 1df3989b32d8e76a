"""Addresses of the pages."""

from django.urls import URLPattern, path, re_path

from console.pages import views

urlpatterns: list[URLPattern] = [
    path("", views.desk_page, name="desk"),
    re_path(r"^desk/tape/?$", views.desk_tape, name="desk-tape"),
    re_path(r"^pipeline/?$", views.pipeline_page, name="pipeline"),
]
