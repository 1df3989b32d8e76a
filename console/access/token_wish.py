"""What a token is to be: checked, in one form."""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from console.models import ApiToken
from riskctl.approvals import RequestError

MOST_DAYS = 365
MOST_NETWORKS = 20
_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")
"""IPv4 addresses written as IPv6: they count as IPv4 (console.access.tokens.within)."""
READ_ALONE = frozenset({ApiToken.Scope.READ.value})
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._\-]{0,59}")


@dataclass(frozen=True)
class Wanted:
    """What a token is to be. ``networks`` empty: from anywhere; ``days`` from its making on."""

    name: str
    scopes: tuple[str, ...]
    networks: tuple[str, ...]
    days: int

    def request(self) -> dict[str, Any]:
        """As an approval has it."""
        return {"scopes": list(self.scopes), "networks": list(self.networks), "days": self.days}


def wanted(*, name: Any, scopes: Any, networks: Any, days: Any) -> Wanted:
    """Checked, in one form. Raises RequestError naming the field and what it may be."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise RequestError(
            "name", "1 to 60 letters, digits, blanks, dots, dashes or underscores, a letter first"
        )
    if not isinstance(days, int) or isinstance(days, bool) or not 1 <= days <= MOST_DAYS:
        raise RequestError("days", f"a whole number from 1 to {MOST_DAYS}")
    return Wanted(name, _scopes(scopes), _networks(networks), days)


def _scopes(given: Any) -> tuple[str, ...]:
    known = ApiToken.Scope.values
    if not _is_list(given) or not given or any(one not in known for one in given):
        raise RequestError("scopes", f"one or more of {', '.join(known)}")
    found = frozenset(given)
    if ApiToken.Scope.EXPORT.value in found and found - READ_ALONE - {ApiToken.Scope.EXPORT.value}:
        raise RequestError(
            "scopes", "export is agreed to by other people than the rest: ask for another token"
        )
    return tuple(one for one in known if one in found)


def _networks(given: Any) -> tuple[str, ...]:
    if not _is_list(given) or len(given) > MOST_NETWORKS:
        raise RequestError("networks", f"a list of at most {MOST_NETWORKS} networks")
    try:
        found = [ipaddress.ip_network(one) for one in given]
    except ValueError as error:
        raise RequestError(
            "networks", f"{error}: write 192.0.2.0/24, 192.0.2.7 or 2001:db8::/32"
        ) from None
    if any(isinstance(one, ipaddress.IPv6Network) and one.subnet_of(_MAPPED) for one in found):
        raise RequestError("networks", "write IPv4 networks as such: 192.0.2.0/24")
    return tuple(dict.fromkeys(str(one) for one in found))


def _is_list(given: Any) -> bool:
    return isinstance(given, Sequence) and all(isinstance(one, str) for one in given)
