"""Addresses of limits and of break-glass."""

from django.urls import URLPattern, re_path

from console.api import breakglass, limits

_ID = r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
_LIMIT = rf"(?P<scope>{limits.SCOPE_PATTERN})/(?P<kind>[a-z\-]{{1,24}})"
_LEAVE = rf"^api/break-glass/(?P<leave_id>{_ID})"
_USE = rf"^api/break-glass/uses/(?P<use_id>{_ID})"

urlpatterns: list[URLPattern] = [
    re_path(r"^api/limits/?$", limits.Limits.as_view(), name="api-limits"),
    re_path(r"^api/risk-limits/?$", limits.RiskLimits.as_view(), name="api-risk-limits"),
    re_path(r"^limits/?$", limits.RiskLimits.as_view(), name="limits-read"),
    re_path(rf"^api/limits/{_LIMIT}/?$", limits.LimitOne.as_view(), name="api-limit"),
    re_path(r"^api/break-glass/?$", breakglass.Leaves.as_view(), name="api-break-glass"),
    re_path(rf"{_LEAVE}/end/?$", breakglass.LeaveEnd.as_view(), name="api-break-glass-end"),
    re_path(r"^api/break-glass/uses/?$", breakglass.Uses.as_view(), name="api-break-glass-uses"),
    re_path(rf"{_USE}/keep/?$", breakglass.UseKeep.as_view(), name="api-break-glass-keep"),
    re_path(rf"{_USE}/return/?$", breakglass.UseReturn.as_view(), name="api-break-glass-return"),
    re_path(
        rf"^api/holds/(?P<hold_id>{_ID})/break-glass/?$",
        breakglass.HoldGlass.as_view(),
        name="api-hold-break-glass",
    ),
]
