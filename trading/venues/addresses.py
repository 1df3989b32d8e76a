"""Where a venue is."""

import ipaddress


def is_here(address: str) -> bool:
    """Whether ``host:port`` is of this machine by its number. A name is not: whoever it resolves to
    must prove to be it."""
    try:
        return ipaddress.ip_address(address.rpartition(":")[0].strip("[]")).is_loopback
    except ValueError:
        return False
