"""Who reads the record, how much of it, and who takes it out. The one rule, for pages and REST.

Risk, SRE and compliance read all of it. Administrators read what is about people, sign-ins,
tokens and denials. Nobody else reads it, traders neither: an entry is whole or it is not shown, and
those of holds, orders and approvals name other desks' (console.access.visible). How it stands is
for everybody who reads any of it; exports are for who answers for it: risk and compliance.
"""

from collections.abc import Iterable

from audit.families import OF_PEOPLE
from console.access.roles import READ_RECORD, ROLES
from console.access.visible import NotSeenError
from riskctl.holds import COMPLIANCE, RISK

_READS_PEOPLE = "auth.change_user"
_EXPORTERS = frozenset({RISK, COMPLIANCE})
NOT_YOURS = "record-not-yours"
WHO = (
    "Risk, SRE and compliance read the record; administrators read what is about people, sign-ins, "
    "tokens and denials. Ask one of them, or an administrator for a role."
)
WHO_EXPORTS = "Risk and compliance export the record. Ask one of them."


def reads_record(roles: Iterable[str]) -> bool:
    """Whether one of ``roles`` reads any of it."""
    return bool(_codes(roles) & {READ_RECORD, _READS_PEOPLE})


def reads_whole_record(roles: Iterable[str]) -> bool:
    """Whether one of ``roles`` reads all of it."""
    return READ_RECORD in _codes(roles)


def exports_record(roles: Iterable[str]) -> bool:
    """Whether one of ``roles`` takes it out: all that they read."""
    return not _EXPORTERS.isdisjoint(roles)


def record_families(roles: Iterable[str]) -> frozenset[str] | None:
    """Families of actions (audit.families) whose entries are theirs to read; None: all.

    Raises NotSeenError for who reads none.
    """
    codes = _codes(roles)
    if READ_RECORD in codes:
        return None
    if _READS_PEOPLE in codes:
        return OF_PEOPLE
    raise NotSeenError(NOT_YOURS, WHO)


def exported_families(roles: Iterable[str]) -> frozenset[str] | None:
    """As ``record_families``, of what they may export. Raises NotSeenError."""
    if not exports_record(roles):
        raise NotSeenError(NOT_YOURS, WHO_EXPORTS)
    return record_families(roles)


def _codes(roles: Iterable[str]) -> frozenset[str]:
    return frozenset().union(*(ROLES[one].codes for one in roles if one in ROLES))
