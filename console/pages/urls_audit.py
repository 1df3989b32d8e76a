"""Addresses of the record's page."""

from django.urls import URLPattern, re_path

from console.pages import audit

urlpatterns: list[URLPattern] = [
    re_path(r"^audit/?$", audit.audit_page, name="audit"),
    re_path(r"^audit/tail/?$", audit.audit_tail, name="audit-tail"),
    re_path(r"^audit/views/?$", audit.view_saved, name="audit-view-save"),
    re_path(
        r"^audit/views/(?P<view_id>[0-9]{1,18})/delete/?$",
        audit.view_deleted,
        name="audit-view-delete",
    ),
]
