"""Addresses of performance, exposure and the limits' use."""

from django.urls import URLPattern, re_path

from console.api import performance

urlpatterns: list[URLPattern] = [
    re_path(
        r"^api/strategies/(?P<strategy>[A-Za-z0-9][A-Za-z0-9._\-]{0,60})/performance/?$",
        performance.Performance.as_view(),
        name="api-strategy-performance",
    ),
    re_path(
        r"^api/risk-metrics/current/?$", performance.RiskMetrics.as_view(), name="api-risk-metrics"
    ),
    re_path(
        r"^api/risk-metrics/utilization/?$",
        performance.Utilization.as_view(),
        name="api-risk-utilization",
    ),
]
