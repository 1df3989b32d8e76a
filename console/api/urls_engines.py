"""Addresses of TradingEngine documents."""

from django.urls import URLPattern, re_path

from console.api import engine_apply, engine_gates, engine_patch, engines

_ENGINE = r"^api/engines/(?P<engine>[A-Za-z0-9][A-Za-z0-9._\-]{0,60})"

urlpatterns: list[URLPattern] = [
    re_path(r"^api/engine-check/?$", engines.EngineCheck.as_view(), name="api-engine-check"),
    re_path(r"^api/engine-alerts/?$", engines.EngineAlerts.as_view(), name="api-engine-alerts"),
    re_path(r"^api/engines/?$", engine_apply.Engines.as_view(), name="api-engines"),
    re_path(rf"{_ENGINE}/?$", engines.EngineOne.as_view(), name="api-engine"),
    re_path(
        rf"{_ENGINE}/versions/?$", engines.EngineVersions.as_view(), name="api-engine-versions"
    ),
    re_path(
        rf"{_ENGINE}/backtests/?$", engines.EngineBacktests.as_view(), name="api-engine-backtests"
    ),
    re_path(rf"{_ENGINE}/gates/?$", engine_gates.EngineGates.as_view(), name="api-engine-gates"),
    re_path(
        rf"{_ENGINE}/paper-days/?$",
        engine_gates.EnginePaperDays.as_view(),
        name="api-engine-paper-days",
    ),
    re_path(
        rf"{_ENGINE}/sign-off/?$", engine_gates.EngineSignOff.as_view(), name="api-engine-sign-off"
    ),
    re_path(
        rf"{_ENGINE}/sign-off/withdraw/?$",
        engine_gates.EngineWithdraw.as_view(),
        name="api-engine-withdraw",
    ),
    re_path(r"^api/drills/?$", engine_gates.Drills.as_view(), name="api-drills"),
    re_path(rf"{_ENGINE}/diff/?$", engines.EngineDiff.as_view(), name="api-engine-diff"),
    re_path(rf"{_ENGINE}/ask/?$", engines.EngineAsk.as_view(), name="api-engine-ask"),
    re_path(rf"{_ENGINE}/patch/?$", engine_patch.EnginePatch.as_view(), name="api-engine-patch"),
]
