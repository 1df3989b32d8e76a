"""Addresses of the pages of sessions and tokens."""

from django.urls import URLPattern, re_path

from console.pages import sessions, tokens

_ID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_TOKEN = r"^tokens/(?P<token_id>[0-9]{1,18})"  # noqa: S105 - an address

urlpatterns: list[URLPattern] = [
    re_path(r"^sessions/?$", sessions.sessions_page, name="sessions"),
    re_path(
        r"^sessions/revoke-others/?$", sessions.sessions_revoked, name="sessions-revoke-others"
    ),
    re_path(
        rf"^sessions/(?P<session_id>{_ID})/revoke/?$",
        sessions.session_revoked,
        name="session-revoke",
    ),
    re_path(r"^tokens/?$", tokens.tokens_page, name="tokens"),
    re_path(r"^tokens/make/?$", tokens.token_made, name="token-make"),
    re_path(rf"{_TOKEN}/collect/?$", tokens.token_collected, name="token-collect"),
    re_path(rf"{_TOKEN}/rotate/?$", tokens.token_rotated, name="token-rotate"),
    re_path(rf"{_TOKEN}/revoke/?$", tokens.token_revoked, name="token-revoke"),
]
