"""Loopback ports for private services."""

import random
import socket

# Below Linux's range for outgoing connections: a port taken there by a passing connection would
# keep a service from coming back on its own.
_RANGE = range(20_000, 30_000)
_TRIES = 200


def port_is_free(port: int, host: str = "127.0.0.1") -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def free_port(preferred: int | None = None, *, avoid: frozenset[int] = frozenset()) -> int:
    """A free loopback port, ``preferred`` if it is one. Raises RuntimeError when none is found."""
    if preferred is not None and preferred not in avoid and port_is_free(preferred):
        return preferred
    chance = random.SystemRandom()
    for _ in range(_TRIES):
        port = chance.choice(_RANGE)
        if port not in avoid and port_is_free(port):
            return port
    raise RuntimeError("no free loopback port between 20000 and 29999")
