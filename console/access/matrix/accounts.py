"""Who does what to their own account: factors, password, sessions, tokens; and to others'."""

from typing import Any

from console.access.matrix.rows import (
    EVERYBODY,
    Caller,
    Door,
    Face,
    Row,
    Section,
    form,
    page,
    people,
    write,
)

ADMIN = people(Caller.ADMIN)
FRESH: dict[str, Any] = {"step_up": "security-needs-step-up", "again": 303}


def _enrol(method: str, path: str) -> Row:
    return Row(method, path, door=Door.PASSWORD)


ENROLLING = Section(
    "Enrolling",
    "Reached with the password alone, and only by who has no factor yet: everybody else is led on.",
    (
        form("/sign-in/passkey", door=Door.PASSWORD),
        _enrol("GET", "/enrol"),
        _enrol("GET", "/enrol/password"),
        _enrol("POST", "/enrol/password"),
        _enrol("GET", "/enrol/authenticator"),
        _enrol("POST", "/enrol/authenticator"),
        _enrol("POST", "/enrol/passkey"),
        _enrol("POST", "/enrol/passkey/options"),
    ),
)

SECURITY = Section(
    "One's own factors and password",
    "With a fresh factor, of any kind.",
    (
        page("/security"),
        page("/security/authenticator", **FRESH),
        form("/security/authenticator", **FRESH),
        form("/security/passkey", **FRESH),
        form("/security/passkey/options", step_up="security-needs-step-up"),
        form("/security/rename", **FRESH),
        form("/security/remove", **FRESH),
        form("/security/codes", **FRESH),
        page("/security/password", **FRESH),
        form("/security/password", **FRESH),
        page("/security/reset", ADMIN, refusal="factor-reset-role"),
        form("/security/reset", ADMIN, refusal="factor-reset-role",
             step_up="approval-needs-step-up"),
    ),
)  # fmt: skip


def _own(path: str, who: frozenset[Caller] = EVERYBODY, **facts: Any) -> Row:
    return write(path, who, bearer="people-only", **facts)


def _listed(path: str, case: str, who: frozenset[Caller], refusal: str = "") -> Row:
    return Row(
        "GET", path, who, case, Face.API, refusal=refusal, bearer="people-only scope-missing"
    )


SESSIONS = Section(
    "Sessions and tokens",
    "Seen and managed by people alone. Ending a session or a token takes no fresh factor.",
    (
        _listed("/api/sessions", "one's own", EVERYBODY),
        _listed("/api/sessions", "another's", ADMIN, "session-not-yours"),
        _own("/api/sessions/{session_id}/revoke", case="one's own"),
        _own("/api/sessions/{session_id}/revoke", ADMIN, case="another's",
             refusal="session-not-yours"),
        _own("/api/sessions/revoke-others", case="one's own"),
        _own("/api/sessions/revoke-others", ADMIN, case="another's", refusal="session-not-yours"),
        _listed("/api/tokens", "one's own", EVERYBODY),
        _listed("/api/tokens", "another's", ADMIN, "token-not-yours"),
        _own("/api/tokens", case="to read", step_up="token-needs-step-up"),
        _own("/api/tokens", case="to stop: asks", step_up="approval-needs-step-up"),
        _own("/api/tokens/{token_id}/rotate", case="one's own", step_up="token-needs-step-up"),
        _own("/api/tokens/{token_id}/rotate", frozenset(), case="another's",
             refusal="token-not-yours", step_up="token-needs-step-up"),
        _own("/api/tokens/{token_id}/revoke", case="one's own"),
        _own("/api/tokens/{token_id}/revoke", ADMIN, case="another's", refusal="token-not-yours"),
        _own("/api/tokens/{token_id}/collect", case="one's own", step_up="token-needs-step-up"),
    ),
)  # fmt: skip

SHOWN = Section(
    "Sessions and tokens, as pages",
    "The same by forms.",
    (
        page("/sessions", case="one's own"),
        page("/sessions", ADMIN, case="another's", refusal="session-not-yours"),
        form("/sessions/{session_id}/revoke", case="one's own"),
        form("/sessions/{session_id}/revoke", ADMIN, case="another's",
             refusal="session-not-yours"),
        form("/sessions/revoke-others", case="one's own"),
        form("/sessions/revoke-others", ADMIN, case="another's", refusal="session-not-yours"),
        page("/tokens"),
        form("/tokens/make", case="to read", step_up="token-needs-step-up"),
        form("/tokens/make", case="to stop: asks", step_up="approval-needs-step-up"),
        form("/tokens/{token_id}/rotate", case="one's own", step_up="token-needs-step-up"),
        form("/tokens/{token_id}/rotate", frozenset(), case="another's",
             refusal="token-not-yours", step_up="token-needs-step-up"),
        form("/tokens/{token_id}/revoke", case="one's own"),
        form("/tokens/{token_id}/revoke", ADMIN, case="another's", refusal="token-not-yours"),
        form("/tokens/{token_id}/collect", case="one's own", step_up="token-needs-step-up"),
    ),
)  # fmt: skip

ACCOUNTS = (ENROLLING, SECURITY, SESSIONS, SHOWN)
