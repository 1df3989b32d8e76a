"""Addresses of the runbooks' test calls."""

from django.urls import URLPattern, re_path

from console.api import connectivity, testcalls

urlpatterns: list[URLPattern] = [
    re_path(
        r"^test/broker-connectivity/?$",
        connectivity.BrokerConnectivity.as_view(),
        name="test-broker-connectivity",
    ),
    re_path(r"^test/inject-price/?$", testcalls.InjectPrice.as_view(), name="test-inject-price"),
    re_path(
        r"^test/generate-signal/?$", testcalls.GenerateSignal.as_view(), name="test-generate-signal"
    ),
    re_path(
        r"^test/validate-signal/?$", testcalls.ValidateSignal.as_view(), name="test-validate-signal"
    ),
    re_path(
        r"^test/validate-test-signal/?$",
        testcalls.ValidateTestSignal.as_view(),
        name="test-validate-test-signal",
    ),
    re_path(r"^test/dry-run-order/?$", testcalls.DryRunOrder.as_view(), name="test-dry-run-order"),
]
