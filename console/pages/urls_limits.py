"""Addresses of the pages about limits, triggers' settings, stop-losses and break-glass."""

from django.urls import URLPattern, re_path

from console.pages import breakglass, limits, stoplosses, triggers

_ID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"

urlpatterns: list[URLPattern] = [
    re_path(r"^risk/limits/?$", limits.limits_page, name="limits"),
    re_path(r"^risk/limits/change/?$", limits.limit_changed, name="limit-change"),
    re_path(r"^risk/triggers/settings/?$", triggers.triggers_page, name="triggers"),
    re_path(r"^risk/triggers/change/?$", triggers.trigger_changed, name="trigger-change"),
    re_path(r"^risk/stop-losses/?$", stoplosses.stop_losses_page, name="stop-losses"),
    re_path(r"^risk/stop-losses/set/?$", stoplosses.stop_losses_sent, name="stop-losses-set"),
    re_path(r"^break-glass/?$", breakglass.glass_page, name="break-glass"),
    re_path(r"^break-glass/ask/?$", breakglass.glass_asked, name="break-glass-ask"),
    re_path(
        rf"^break-glass/(?P<leave_id>{_ID})/end/?$", breakglass.glass_ended, name="break-glass-end"
    ),
    re_path(
        rf"^break-glass/uses/(?P<use_id>{_ID})/(?P<verb>keep|return)/?$",
        breakglass.glass_reviewed,
        name="break-glass-review",
    ),
    re_path(rf"^holds/(?P<hold_id>{_ID})/alone/?$", breakglass.glass_hold_page, name="hold-alone"),
    re_path(
        rf"^holds/(?P<hold_id>{_ID})/break-glass/?$", breakglass.glass_used, name="hold-break-glass"
    ),
]
