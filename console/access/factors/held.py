"""Which factors a person has."""

import datetime as dt
from dataclasses import dataclass

from django.contrib.auth.models import User

from console.models import Authenticator, Passkey

MOST_FACTORS = 10
KINDS: dict[type[Authenticator] | type[Passkey], str] = {
    Authenticator: "authenticator",
    Passkey: "passkey",
}


@dataclass(frozen=True)
class Factor:
    """One factor as it is listed. ``where``: the host name a passkey is for."""

    device: Authenticator | Passkey
    kind: str
    name: str
    added: dt.datetime | None
    used: dt.datetime | None
    where: str = ""

    @property
    def id(self) -> str:
        return str(self.device.persistent_id)

    def facts(self) -> dict[str, str]:
        """For the record."""
        return {"factor": self.id, "kind": self.kind, "name": self.name}


def factor_of(device: Authenticator | Passkey) -> Factor:
    where = device.rp_id if isinstance(device, Passkey) else ""
    kind = next(word for model, word in KINDS.items() if isinstance(device, model))
    return Factor(device, kind, device.name, device.created_at, device.last_used_at, where)


def factors_of(user: User) -> list[Factor]:
    """Confirmed authenticators and passkeys, oldest first of each."""
    return [
        factor_of(device)
        for model in KINDS
        for device in model.objects.filter(user=user, confirmed=True).order_by("pk")
    ]


def has_factor(user: User) -> bool:
    """Whether the person is enrolled. Recovery codes alone do not count."""
    return any(model.objects.filter(user=user, confirmed=True).exists() for model in KINDS)


def factor_named(user: User, ident: str) -> Factor | None:
    """The person's confirmed factor of that ``Factor.id``."""
    return next((one for one in factors_of(user) if one.id == ident), None)
