"""Requests about people: their accounts, factors, sessions, tokens, roles; and looking at them."""

from console.access.matrix.records import TABLES
from console.access.matrix.rows import Caller
from console.models import Passkey
from tests.console.access.matrix.sample import LED_ON, WHY, Key, Sample
from tests.console.access.matrix.world import World
from tests.console.conftest import PASSWORD, code_of


def _code(world: World, caller: Caller | None) -> dict[str, str]:
    return {"code": code_of(world.users[caller]) if caller else "000000"}


def _factor(world: World, caller: Caller | None) -> dict[str, str]:
    """The spare one: the one that the session was opened with is the last that opens it."""
    device = Passkey.objects.get(user=world.users[caller or Caller.RISK])
    return {"factor": device.persistent_id, "name": "spare"}


ROTATED = {"overlap": "1", "version": "0"}
TOKEN = {"name": "from the matrix", "days": 1} | WHY
OWN_SESSION, OWN_TOKEN = {"session_id": "session"}, {"token_id": "token"}
SESSION, TOKENS = "/api/sessions/{session_id}/revoke", "/api/tokens/{token_id}/"
PASSWORDS = {"current": PASSWORD, "password": "another-horse-43", "again": "another-horse-43"}

ACCOUNTS: dict[Key, Sample] = {
    ("POST", "/sign-in", ""): Sample(done=(400,)),
    ("POST", "/sign-in/factor", ""): Sample(_code, (302,)),
    ("POST", "/sign-out", ""): Sample(done=(302,)),
    ("POST", "/sign-in/passkey", ""): Sample(),
    **{  # everybody here has a factor, and is led on to give it
        (method, path, ""): Sample(done=LED_ON)
        for method, path in (
            ("GET", "/enrol"), ("GET", "/enrol/password"), ("POST", "/enrol/password"),
            ("GET", "/enrol/authenticator"), ("POST", "/enrol/authenticator"),
            ("POST", "/enrol/passkey"), ("POST", "/enrol/passkey/options"),
        )
    },
    ("GET", "/security/authenticator", ""): Sample(done=(303,)),
    ("POST", "/security/authenticator", ""): Sample(done=(303,)),
    ("POST", "/security/passkey", ""): Sample(done=(400, 403)),
    ("POST", "/security/passkey/options", ""): Sample(done=(200,)),
    ("POST", "/security/rename", ""): Sample(_factor, LED_ON),
    ("POST", "/security/remove", ""): Sample(_factor, LED_ON),
    ("POST", "/security/codes", ""): Sample(done=(200,)),
    ("POST", "/security/password", ""): Sample(PASSWORDS, (303,)),
    ("POST", "/security/reset", ""): Sample(
        {"person": "lena.fischer", "password": "1"} | WHY, (303, 400)),
    ("GET", "/api/sessions", "another's"): Sample(query="?person=lena.fischer"),
    ("GET", "/api/tokens", "another's"): Sample(query="?owner=lena.fischer"),
    ("POST", SESSION, "one's own"): Sample(WHY, own=OWN_SESSION),
    ("POST", SESSION, "another's"): Sample(WHY),
    ("POST", "/api/sessions/revoke-others", "one's own"): Sample(WHY),
    ("POST", "/api/sessions/revoke-others", "another's"): Sample(
        {"person": "lena.fischer"} | WHY),
    ("POST", "/api/tokens", "to read"): Sample(TOKEN | {"scopes": ["read"]}, (201,)),
    ("POST", "/api/tokens", "to stop: asks"): Sample(TOKEN | {"scopes": ["stop"]}, (202,)),
    ("POST", f"{TOKENS}rotate", "one's own"): Sample({"overlap_hours": 1}, own=OWN_TOKEN),
    ("POST", f"{TOKENS}rotate", "another's"): Sample({"overlap_hours": 1}),
    ("POST", f"{TOKENS}revoke", "one's own"): Sample(WHY, own=OWN_TOKEN),
    ("POST", f"{TOKENS}revoke", "another's"): Sample(WHY),
    ("POST", f"{TOKENS}collect", "one's own"): Sample(done=(409,), own=OWN_TOKEN),
}  # fmt: skip

TOKEN_FORM = {"name": "from the matrix", "days": "1"} | WHY
LENAS = {"person": "lena.fischer"}
KEYS: dict[Key, Sample] = {
    ("GET", "/sessions", "another's"): Sample(query="?person=lena.fischer"),
    ("POST", "/sessions/{session_id}/revoke", "one's own"): Sample(WHY, LED_ON, own=OWN_SESSION),
    ("POST", "/sessions/{session_id}/revoke", "another's"): Sample(WHY, LED_ON),
    ("POST", "/sessions/revoke-others", "one's own"): Sample(WHY, LED_ON),
    ("POST", "/sessions/revoke-others", "another's"): Sample(WHY | LENAS, LED_ON),
    ("POST", "/tokens/make", "to read"): Sample(TOKEN_FORM | {"scopes": "read"}),
    ("POST", "/tokens/make", "to stop: asks"): Sample(TOKEN_FORM | {"scopes": "stop"}, LED_ON),
    ("POST", "/tokens/{token_id}/rotate", "one's own"): Sample(ROTATED, own=OWN_TOKEN),
    ("POST", "/tokens/{token_id}/rotate", "another's"): Sample(ROTATED),
    ("POST", "/tokens/{token_id}/revoke", "one's own"): Sample(WHY, LED_ON, own=OWN_TOKEN),
    ("POST", "/tokens/{token_id}/revoke", "another's"): Sample(WHY, LED_ON),
    ("POST", "/tokens/{token_id}/collect", "one's own"): Sample(done=(409,), own=OWN_TOKEN),
}  # fmt: skip

ONE, SHOWN = "/api/people/{username}", "/people/{username}"
PEOPLE: dict[Key, Sample] = {
    ("POST", "/api/people", ""): Sample(
        {"username": "new.person", "first_name": "New", "last_name": "Person"}, (201,)),
    ("POST", f"{ONE}/disable", ""): Sample(WHY),
    ("POST", f"{ONE}/revoke", "a role"): Sample(WHY | {"role": "risk"}),
    ("POST", f"{ONE}/revoke", "a desk"): Sample(WHY | {"desk": "majors"}),
    ("POST", f"{ONE}/enable", "a trader: asks"): Sample(WHY, (202,), {"username": "gone.person"}),
    ("POST", f"{ONE}/grant", "the role trader: asks"): Sample(WHY | {"role": "trader"}, (202,)),
    ("POST", f"{ONE}/grant", "the role compliance: asks"): Sample(
        WHY | {"role": "compliance"}, (202,)),
    ("POST", f"{ONE}/grant", "the role administrator: asks"): Sample(
        WHY | {"role": "administrator"}, (202,)),
    ("POST", f"{ONE}/grant", "a desk: asks"): Sample(WHY | {"desk": "majors"}, (202,)),
    ("POST", "/people", ""): Sample(
        {"username": "new.person", "first_name": "New", "last_name": "Person"}, (201,)),
    ("POST", f"{SHOWN}/invite", ""): Sample(things={"username": "waiting.person"}),
    ("POST", f"{SHOWN}/disable", ""): Sample(WHY, (303,)),
    ("POST", f"{SHOWN}/revoke", ""): Sample(WHY | {"role": "risk"}, (303,)),
    ("POST", f"{SHOWN}/leave", ""): Sample(WHY | {"desk": "majors"}, (303,)),
    ("POST", f"{SHOWN}/enable", "a trader: asks"): Sample(WHY, (303,), {"username": "gone.person"}),
    ("POST", f"{SHOWN}/grant", "the role trader: asks"): Sample(WHY | {"role": "trader"}, (303,)),
    ("POST", f"{SHOWN}/join", "asks"): Sample(WHY | {"desk": "majors"}, (303,)),
}  # fmt: skip

NOTED = {"note": "tests"}
REVIEWS: dict[Key, Sample] = {
    ("POST", "/access-review/prepare", ""): Sample(WHY, (303,)),
    ("POST", "/access-review/alerts/{escalation_id}/acknowledge", ""): Sample(NOTED, (303,)),
    ("POST", "/api/access-review", ""): Sample(WHY, (201,)),
    ("POST", "/api/access-alerts/{escalation_id}/acknowledge", ""): Sample(NOTED),
}  # fmt: skip

VIEW = {"name": "denials", "query": "what=denials"}
AUDITING: dict[Key, Sample] = {
    ("POST", "/audit/views", ""): Sample(VIEW, (303,)),
    ("POST", "/audit/views/{view_id}/delete", ""): Sample(done=(303,)),
    ("GET", "/api/audit/{entry_id}/proof", ""): Sample(done=(404,)),  # nothing is placed there
}

RECORDS: dict[Key, Sample] = {
    ("GET", "/api/audit/export", ""): Sample(done=(409,)),  # nothing is signed there
} | {
    ("GET", f"/admin/{table}/{{object_id}}", ""): Sample(things={"object_id": table})
    for table in TABLES
}
