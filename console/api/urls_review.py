"""Addresses of access reviews and alerts."""

from django.urls import URLPattern, re_path

from console.api import review

_UUID = r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"

urlpatterns: list[URLPattern] = [
    re_path(r"^api/access-review/?$", review.AccessReviewNow.as_view(), name="api-access-review"),
    re_path(r"^api/access-reviews/?$", review.AccessReviews.as_view(), name="api-access-reviews"),
    re_path(
        rf"^api/access-reviews/(?P<review_id>{_UUID})/?$",
        review.AccessReviewOne.as_view(),
        name="api-access-review-one",
    ),
    re_path(r"^api/access-alerts/?$", review.Alerts.as_view(), name="api-access-alerts"),
    re_path(
        r"^api/access-alerts/(?P<escalation_id>[0-9]{1,18})/acknowledge/?$",
        review.AlertAcknowledge.as_view(),
        name="api-access-alert-acknowledge",
    ),
]
