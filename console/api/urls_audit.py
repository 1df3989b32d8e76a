"""Addresses of the record."""

from django.urls import URLPattern, re_path

from console.api import audit

_UUID = r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"

urlpatterns: list[URLPattern] = [
    re_path(r"^api/audit/?$", audit.AuditList.as_view(), name="api-audit"),
    re_path(
        r"^api/audit/story/(?P<ident>.{1,200}?)/?$",
        audit.AuditStory.as_view(),
        name="api-audit-story",
    ),
    re_path(
        rf"^api/audit/(?P<entry_id>{_UUID})/proof/?$",
        audit.AuditProof.as_view(),
        name="api-audit-proof",
    ),
    re_path(
        rf"^api/audit/(?P<entry_id>{_UUID})/?$", audit.AuditOne.as_view(), name="api-audit-entry"
    ),
]
