"""Every address of the console. A trailing slash is optional everywhere.

What is open without a second factor is named in console.access.middleware and nowhere else.
"""

from django.urls import URLPattern, URLResolver, include, re_path

from console import faults
from console.access import views as access
from console.admin.records import site
from console.api import (
    approvals,
    cancelling,
    docs,
    holds,
    markets,
    problems,
    reconciliation,
    stoplosses,
    stops,
    strategies,
    triggers,
    upkeep,
    views,
)
from console.api.base import NothingHere
from console.health import Healthz, HealthzStage, Readyz

STRATEGY = r"^api/strategies/(?P<strategy>[A-Za-z0-9][A-Za-z0-9._\-]{0,60})"
UUID = r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
APPROVAL = rf"^api/approvals/(?P<approval_id>{UUID})"

BRAKES: list[URLPattern] = [
    re_path(r"^trading/halt/?$", stops.TradingHalt.as_view(), name="trading-halt"),
    re_path(
        r"^emergency/stop-trading/?$", stops.StopTrading.as_view(), name="emergency-stop-trading"
    ),
    re_path(r"^emergency/freeze/?$", stops.Freeze.as_view(), name="emergency-freeze"),
    re_path(
        r"^emergency/stop-new-positions/?$",
        stops.StopNewPositions.as_view(),
        name="emergency-stop-new-positions",
    ),
    re_path(
        r"^emergency/close-all-positions/?$",
        cancelling.CloseAllPositions.as_view(),
        name="emergency-close-all-positions",
    ),
    re_path(
        r"^emergency/set-stop-losses/?$",
        stoplosses.SetStopLosses.as_view(),
        name="emergency-set-stop-losses",
    ),
    re_path(r"^orders/cancel-all/?$", cancelling.CancelAll.as_view(), name="orders-cancel-all"),
    re_path(rf"{STRATEGY}/pause/?$", stops.StrategyPause.as_view(), name="strategy-pause"),
    re_path(rf"{STRATEGY}/kill/?$", stops.StrategyKill.as_view(), name="strategy-kill"),
    re_path(rf"{STRATEGY}/resume/?$", strategies.Resume.as_view(), name="strategy-resume"),
    re_path(rf"{STRATEGY}/stage/?$", strategies.StrategyStage.as_view(), name="strategy-stage"),
    re_path(r"^api/stages/?$", strategies.Stages.as_view(), name="api-stages"),
    re_path(r"^api/holds/?$", holds.Holds.as_view(), name="api-holds"),
    re_path(rf"^api/holds/(?P<hold_id>{UUID})/?$", holds.HoldReceipt.as_view(), name="api-hold"),
    re_path(
        rf"^api/holds/(?P<hold_id>{UUID})/lift/?$", holds.LiftHold.as_view(), name="api-hold-lift"
    ),
    re_path(r"^api/approvals/?$", approvals.Approvals.as_view(), name="api-approvals"),
    re_path(rf"{APPROVAL}/?$", approvals.ApprovalOne.as_view(), name="api-approval"),
    re_path(rf"{APPROVAL}/approve/?$", approvals.Approve.as_view(), name="api-approval-approve"),
    re_path(rf"{APPROVAL}/reject/?$", approvals.Reject.as_view(), name="api-approval-reject"),
    re_path(rf"{APPROVAL}/withdraw/?$", approvals.Withdraw.as_view(), name="api-approval-withdraw"),
    re_path(r"^api/deadman/?$", upkeep.DeadManSwitch.as_view(), name="api-deadman"),
    re_path(r"^api/triggers/?$", triggers.Triggers.as_view(), name="api-triggers"),
    re_path(
        r"^api/triggers/(?P<trigger>[a-z0-9\-]{1,40})/?$",
        triggers.TriggerOne.as_view(),
        name="api-trigger",
    ),
    re_path(r"^api/maintenance/?$", upkeep.Maintenance.as_view(), name="api-maintenance"),
    re_path(
        rf"^api/maintenance/(?P<scheduled_id>{UUID})/withdraw/?$",
        upkeep.MaintenanceWithdraw.as_view(),
        name="api-maintenance-withdraw",
    ),
    re_path(r"^api/regulatory/?$", stops.Regulatory.as_view(), name="api-regulatory"),
]

urlpatterns: list[URLPattern | URLResolver] = [
    re_path(r"^healthz/?$", Healthz.as_view(), name="healthz"),
    re_path(r"^healthz/(?P<stage>[a-z\-]{1,40})/?$", HealthzStage.as_view(), name="healthz-stage"),
    re_path(r"^readyz/?$", Readyz.as_view(), name="readyz"),
    re_path(r"^favicon\.ico$", access.favicon, name="favicon"),
    re_path(r"", include("console.access.urls_factors")),
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
    re_path(r"^api/stop-losses/?$", views.StopLosses.as_view(), name="api-stop-losses"),
    re_path(r"^api/executions/?$", views.Executions.as_view(), name="api-executions"),
    re_path(r"^api/signals/?$", views.Signals.as_view(), name="api-signals"),
    re_path(r"^api/signals/latest/?$", views.LatestSignals.as_view(), name="api-signals-latest"),
    re_path(r"^api/markets/?$", markets.Markets.as_view(), name="api-markets"),
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
    *BRAKES,
    re_path(r"", include("console.api.urls_access")),
    re_path(r"", include("console.api.urls_people")),
    re_path(r"", include("console.api.urls_review")),
    re_path(r"", include("console.api.urls_limits")),
    re_path(r"", include("console.api.urls_engines")),
    re_path(r"", include("console.api.urls_risk")),
    re_path(r"", include("console.api.urls_metrics")),
    re_path(r"", include("console.api.urls_tests")),
    re_path(r"", include("console.api.urls_audit")),
    re_path(r"", include("console.api.urls_record")),
    re_path(r"^api/schema/?$", docs.Schema.as_view(), name="api-schema"),
    re_path(r"^api/docs/?$", docs.docs, name="api-docs"),
    re_path(problems.API_PATHS, NothingHere.as_view(), name="api-nothing-here"),
    re_path(r"^admin", site.urls),
    re_path(r"", include("console.pages.urls")),
    re_path(r"^", access.nothing_here, name="nothing-here"),
]

handler400 = faults.bad_request
handler403 = faults.forbidden
handler404 = faults.not_found
handler500 = faults.failed
