"""In which ways a person can give a second factor at this address: for words and forms."""

from dataclasses import dataclass

from django.contrib.auth.models import User

from console.access.factors.held import Factor, factors_of
from console.access.factors.recovery import codes_left
from console.access.factors.relying import Relying


@dataclass(frozen=True)
class Ways:
    """``elsewhere``: host names that the person's other passkeys are for."""

    relying: Relying
    authenticator: bool
    passkey: bool
    elsewhere: tuple[str, ...]
    recovery: int

    @property
    def first(self) -> str:
        """What the page puts first."""
        return "passkey" if self.passkey else "code" if self.authenticator else "recovery"


def ways_of(user: User, relying: Relying) -> Ways:
    return ways_among(factors_of(user), relying, codes_left(user))


def ways_among(factors: list[Factor], relying: Relying, left: int) -> Ways:
    hosts = {one.where for one in factors if one.kind == "passkey"}
    return Ways(
        relying=relying,
        authenticator=any(one.kind == "authenticator" for one in factors),
        passkey=bool(relying.rp_id) and relying.rp_id in hosts,
        elsewhere=tuple(sorted(hosts - {relying.rp_id})),
        recovery=left,
    )
