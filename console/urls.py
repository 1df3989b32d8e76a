"""Every address of the console. A trailing slash is optional everywhere.

What is open without a second factor is named in console.access.middleware and nowhere else.
"""

from django.urls import URLPattern, URLResolver, include, re_path

from console import faults
from console.access import views as access
from console.api import docs, problems, reconciliation, views
from console.api.base import NothingHere
from console.health import Healthz, HealthzStage, Readyz

urlpatterns: list[URLPattern | URLResolver] = [
    re_path(r"^healthz/?$", Healthz.as_view(), name="healthz"),
    re_path(r"^healthz/(?P<stage>[a-z\-]{1,40})/?$", HealthzStage.as_view(), name="healthz-stage"),
    re_path(r"^readyz/?$", Readyz.as_view(), name="readyz"),
    re_path(r"^favicon\.ico$", access.favicon, name="favicon"),
    re_path(r"^sign-in/?$", access.sign_in, name="sign-in"),
    re_path(r"^sign-in/factor/?$", access.sign_in_factor, name="sign-in-factor"),
    re_path(r"^sign-out/?$", access.sign_out, name="sign-out"),
    re_path(r"^api/trading-status/?$", views.TradingStatus.as_view(), name="api-trading-status"),
    re_path(r"^api/positions/?$", views.Positions.as_view(), name="api-positions"),
    re_path(
        r"^api/positions/summary/?$", views.PositionsSummary.as_view(), name="api-positions-summary"
    ),
    re_path(
        r"^api/broker-positions/?$", views.BrokerPositions.as_view(), name="api-broker-positions"
    ),
    re_path(r"^api/orders/?$", views.Orders.as_view(), name="api-orders"),
    re_path(r"^orders/open/?$", views.OpenOrders.as_view(), name="orders-open"),
    re_path(r"^api/executions/?$", views.Executions.as_view(), name="api-executions"),
    re_path(r"^api/signals/?$", views.Signals.as_view(), name="api-signals"),
    re_path(r"^api/signals/latest/?$", views.LatestSignals.as_view(), name="api-signals-latest"),
    re_path(r"^api/latest-prices/?$", views.LatestPrices.as_view(), name="api-latest-prices"),
    re_path(r"^api/data-freshness/?$", views.DataFreshness.as_view(), name="api-data-freshness"),
    re_path(
        r"^api/reconcile/generate-report/?$",
        reconciliation.GenerateReport.as_view(),
        name="api-reconcile-generate-report",
    ),
    re_path(
        r"^api/reconciliations/?$",
        reconciliation.Reconciliations.as_view(),
        name="api-reconciliations",
    ),
    re_path(r"^api/schema/?$", docs.Schema.as_view(), name="api-schema"),
    re_path(r"^api/docs/?$", docs.docs, name="api-docs"),
    re_path(problems.API_PATHS, NothingHere.as_view(), name="api-nothing-here"),
    re_path(r"", include("console.pages.urls")),
    re_path(r"^", access.nothing_here, name="nothing-here"),
]

handler400 = faults.bad_request
handler403 = faults.forbidden
handler404 = faults.not_found
handler500 = faults.failed
