"""Addresses of the pages."""

from django.urls import URLPattern, URLResolver, include, re_path

from console.pages import approvals, holds, performance, risk, series, stop, strategy, views

_ID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_KEY = r"[A-Za-z0-9_\-]{1,60}"

urlpatterns: list[URLPattern | URLResolver] = [
    re_path(r"^$", views.desk_page, name="desk"),
    re_path(r"^desk/tape/?$", views.desk_tape, name="desk-tape"),
    re_path(r"^pipeline/?$", views.pipeline_page, name="pipeline"),
    re_path(r"^stop/?$", stop.StopPage.as_view(), name="stop"),
    re_path(r"^stop/preview/?$", stop.stop_preview, name="stop-preview"),
    re_path(rf"^strategies/(?P<key>{_KEY})/?$", strategy.strategy_page, name="strategy"),
    re_path(
        rf"^strategies/(?P<key>{_KEY})/series/?$", series.strategy_series, name="strategy-series"
    ),
    re_path(
        rf"^strategies/(?P<key>{_KEY})/parts/?$", strategy.strategy_parts, name="strategy-parts"
    ),
    re_path(rf"^strategies/(?P<key>{_KEY})/stage/?$", strategy.stage_moved, name="strategy-stage"),
    re_path(r"^holds/?$", holds.holds_page, name="holds"),
    re_path(rf"^holds/(?P<hold_id>{_ID})/?$", holds.hold_page, name="hold"),
    re_path(rf"^holds/(?P<hold_id>{_ID})/receipt/?$", holds.hold_receipt, name="hold-receipt"),
    re_path(rf"^holds/(?P<hold_id>{_ID})/lift/?$", holds.hold_lift_asked, name="hold-lift"),
    re_path(r"^approvals/?$", approvals.approvals_page, name="approvals"),
    re_path(r"^approvals/waiting/?$", approvals.approvals_waiting, name="approvals-waiting"),
    re_path(rf"^approvals/(?P<approval_id>{_ID})/?$", approvals.approval_page, name="approval"),
    re_path(
        rf"^approvals/(?P<approval_id>{_ID})/standing/?$",
        approvals.approval_standing,
        name="approval-standing",
    ),
    re_path(
        rf"^approvals/(?P<approval_id>{_ID})/(?P<verb>approve|reject|withdraw)/?$",
        approvals.approval_decide,
        name="approval-decide",
    ),
    re_path(r"^performance/?$", performance.performance_page, name="performance"),
    re_path(r"^risk/?$", risk.risk_page, name="risk"),
    re_path(r"^risk/triggers/?$", risk.risk_triggers, name="risk-triggers"),
    re_path(r"^risk/exposure/?$", risk.risk_exposure, name="risk-exposure"),
    re_path(r"^deadman/confirm/?$", risk.deadman_confirmed, name="deadman-confirm"),
    re_path(r"", include("console.pages.urls_keys")),
    re_path(r"", include("console.pages.urls_people")),
    re_path(r"", include("console.pages.urls_limits")),
    re_path(r"", include("console.pages.urls_review")),
    re_path(r"", include("console.pages.urls_audit")),
    re_path(r"", include("console.pages.urls_engines")),
]
