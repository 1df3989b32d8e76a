"""When what could not be had is asked for again: later each time, so that it eats up no budget."""

from collections.abc import Container


class Again:
    """By name: ``first_s`` after the first asking, twice as long after each, at most ``most_s``.

    Time is passed in, in nanoseconds of the boot clock.
    """

    def __init__(self, first_s: float, most_s: float) -> None:
        self._first_ns = int(first_s * 1e9)
        self._most_ns = int(most_s * 1e9)
        self._next: dict[str, tuple[int, int]] = {}

    def due(self, name: str, now_ns: int) -> bool:
        return name not in self._next or now_ns >= self._next[name][0]

    def asked(self, name: str, now_ns: int, least_ns: int = 0) -> None:
        """In vain: not again before its time, nor before ``least_ns`` from now."""
        _, wait_ns = self._next.get(name, (0, self._first_ns))
        at_ns = now_ns + max(wait_ns, least_ns)
        self._next[name] = (at_ns, min(2 * wait_ns, self._most_ns))

    def keep(self, names: Container[str]) -> None:
        """Forget all others."""
        self._next = {name: when for name, when in self._next.items() if name in names}
