"""Addresses of the record as a whole."""

from django.urls import URLPattern, re_path

from console.api import audit_export, record

urlpatterns: list[URLPattern] = [
    re_path(r"^api/audit/verify/?$", record.RecordVerify.as_view(), name="api-audit-verify"),
    re_path(r"^api/audit/export/?$", audit_export.RecordExport.as_view(), name="api-audit-export"),
]
