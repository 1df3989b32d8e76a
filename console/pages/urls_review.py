"""Addresses of the access review."""

from django.urls import URLPattern, re_path

from console.pages import review

_ID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"

urlpatterns: list[URLPattern] = [
    re_path(r"^access-review/?$", review.review_page, name="access-review"),
    re_path(r"^access-review/prepare/?$", review.review_prepared, name="access-review-prepare"),
    re_path(
        r"^access-review/alerts/(?P<escalation_id>[0-9]{1,18})/acknowledge/?$",
        review.alert_acknowledged,
        name="alert-acknowledge",
    ),
    re_path(
        rf"^access-review/(?P<review_id>{_ID})/?$", review.review_kept, name="access-review-kept"
    ),
]
