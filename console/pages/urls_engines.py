"""Addresses of the pages about TradingEngine documents and their gates."""

from django.urls import URLPattern, re_path

from console.pages import engines

_ENGINE = r"^engines/(?P<engine>[A-Za-z0-9][A-Za-z0-9._\-]{0,60})"

urlpatterns: list[URLPattern] = [
    re_path(r"^engines/?$", engines.engines_page, name="engines"),
    re_path(rf"{_ENGINE}/?$", engines.engine_page, name="engine"),
    re_path(rf"{_ENGINE}/sign-off/?$", engines.gate_signed, name="engine-sign-off"),
    re_path(rf"{_ENGINE}/withdraw/?$", engines.gate_withdrawn, name="engine-withdraw"),
    re_path(rf"{_ENGINE}/ask/?$", engines.document_asked, name="engine-ask"),
    re_path(rf"{_ENGINE}/risk-limit/?$", engines.risk_limit_asked, name="engine-risk-limit"),
    re_path(rf"{_ENGINE}/drill/?$", engines.drill_recorded, name="engine-drill"),
]
