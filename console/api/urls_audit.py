"""Addresses of the record."""

from django.urls import URLPattern, re_path

from console.api import audit

_UUID = r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"

urlpatterns: list[URLPattern] = [
    re_path(r"^api/audit/?$", audit.AuditList.as_view(), name="api-audit"),
    re_path(
        rf"^api/audit/(?P<entry_id>{_UUID})/?$", audit.AuditOne.as_view(), name="api-audit-entry"
    ),
]
