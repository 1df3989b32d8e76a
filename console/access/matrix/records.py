"""Who looks at the read-only admin: administrators, and nobody writes there."""

from console.access.matrix.rows import Caller, Section, page, people

TABLES = (
    "auth/user", "auth/group", "console/desk", "console/sessionrecord", "console/apitoken",
    "console/authenticator", "console/passkey", "console/recoveryset",
)  # fmt: skip
ADMIN = people(Caller.ADMIN)

RECORDS = Section(
    "Records (Django's admin)",
    "To look at, never to change: by GET alone, for the role administrator, whatever the flags of "
    "the account. Keys, digests and passwords are not shown.",
    (
        page("/admin", ADMIN, refusal="forbidden"),
        *(page(f"/admin/{one}", ADMIN, refusal="forbidden") for one in TABLES),
        *(page(f"/admin/{one}/{{object_id}}", ADMIN, refusal="forbidden") for one in TABLES),
    ),
)
