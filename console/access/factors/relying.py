"""For which host name passkeys are made here, or why they cannot be used at this address."""

import ipaddress
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest
from django.http.request import split_domain_port

NAME = "Haltline"


@dataclass(frozen=True)
class Relying:
    """WebAuthn's relying party. ``rp_id`` is empty where no passkey works, ``why`` says why."""

    rp_id: str
    origin: str
    why: str = ""
    instead: str = ""  # an address of the same console where they would


def relying_of(request: HttpRequest) -> Relying:
    """By HALTLINE_RP_ID when it is set, else the host that the browser asked for.

    Browsers hold an address to this themselves: they sign for the host of the page, whatever the
    page says.
    """
    host, port = split_domain_port(request.get_host())
    origin = f"{request.scheme}://{request.get_host()}"
    if _is_number(host):
        name = f"http://localhost{f':{port}' if port else ''}" if _is_here(host) else ""
        return Relying("", origin, "Passkeys need a host name; this address is a number.", name)
    if not request.is_secure() and not _is_local(host):
        return Relying("", origin, "Passkeys need https, or localhost.")
    wanted = str(settings.WEBAUTHN_RP_ID)
    if wanted and host != wanted and not host.endswith(f".{wanted}"):
        return Relying("", origin, f"Passkeys are for {wanted}; this address is another.")
    return Relying(wanted or host, origin)


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def _is_here(host: str) -> bool:
    return ipaddress.ip_address(host.strip("[]")).is_loopback


def _is_local(host: str) -> bool:
    return host == "localhost" or host.endswith(".localhost")
