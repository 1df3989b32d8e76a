"""Addresses of sessions and tokens."""

from django.urls import URLPattern, re_path

from console.api import sessions, tokens

_ID = r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
_TOKEN = r"^api/tokens/(?P<token_id>[0-9]{1,18})"  # noqa: S105 - an address

urlpatterns: list[URLPattern] = [
    re_path(r"^api/sessions/?$", sessions.Sessions.as_view(), name="api-sessions"),
    re_path(
        r"^api/sessions/revoke-others/?$",
        sessions.RevokeOthers.as_view(),
        name="api-sessions-revoke-others",
    ),
    re_path(
        rf"^api/sessions/(?P<session_id>{_ID})/revoke/?$",
        sessions.RevokeSession.as_view(),
        name="api-session-revoke",
    ),
    re_path(r"^api/tokens/?$", tokens.Tokens.as_view(), name="api-tokens"),
    re_path(rf"{_TOKEN}/collect/?$", tokens.CollectToken.as_view(), name="api-token-collect"),
    re_path(rf"{_TOKEN}/rotate/?$", tokens.RotateToken.as_view(), name="api-token-rotate"),
    re_path(rf"{_TOKEN}/revoke/?$", tokens.RevokeToken.as_view(), name="api-token-revoke"),
]
