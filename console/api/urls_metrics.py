"""Addresses of metrics over a period: of signals, and of how orders were carried out."""

from django.urls import URLPattern, re_path

from console.api import execution, results, signals

urlpatterns: list[URLPattern] = [
    re_path(
        r"^api/signals/validate-recent/?$",
        signals.ValidateRecent.as_view(),
        name="api-signals-validate-recent",
    ),
    re_path(
        r"^api/metrics/signal-accuracy/?$",
        signals.Accuracy.as_view(),
        name="api-signal-accuracy",
    ),
    re_path(r"^api/metrics/accuracy/?$", signals.AccuracyShort.as_view(), name="api-accuracy"),
    re_path(
        r"^api/metrics/signal-distribution/?$",
        signals.Distribution.as_view(),
        name="api-signal-distribution",
    ),
    re_path(r"^api/metrics/signal-rate/?$", signals.Rate.as_view(), name="api-signal-rate"),
    re_path(
        r"^api/metrics/confidence-distribution/?$",
        signals.Confidence.as_view(),
        name="api-confidence-distribution",
    ),
    re_path(
        r"^api/metrics/performance/?$", results.PerformanceMetrics.as_view(), name="api-performance"
    ),
    re_path(r"^api/metrics/slippage/?$", execution.SlippageMetrics.as_view(), name="api-slippage"),
    re_path(
        r"^api/metrics/fill-rate/?$", execution.FillRateMetrics.as_view(), name="api-fill-rate"
    ),
    re_path(
        r"^api/metrics/execution-times/?$",
        execution.ExecutionTimesMetrics.as_view(),
        name="api-execution-times",
    ),
]
