"""Every page as every role sees it, in both themes and at four widths: all of it, or by pairs.

By pairs: each page at each width, in each theme, as roles in turn; each role with each theme and
each width somewhere. A page is loaded once for a role and theme; its widths follow by resizing.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

WIDTHS = {"desktop": (1440, 900), "laptop": (1280, 800), "tablet": (820, 1180), "phone": (390, 844)}
JUDGED = ("phone", "laptop")
THEMES = ("dark", "light")
ROLES = ("trader", "risk", "sre", "compliance", "administrator")
NOBODY = "nobody"
READERS = ("risk", "compliance", "administrator", "sre")
PEOPLE = ("administrator", "compliance", "risk")


@dataclass(frozen=True)
class Shown:
    """A page: its path, whom it is shown to, and whether the live frame stands around it.

    ``light``: its path in the light theme, where it has another look to show.
    """

    name: str
    path: str
    roles: tuple[str, ...] = ROLES
    live: bool = True
    light: str = ""

    def at(self, theme: str) -> str:
        return self.light if self.light and theme == "light" else self.path


PAGES = (
    Shown("desk", "/", light="/?show=held&sort=-pnl"),
    Shown("strategy", "/strategies/mom-eurusd", ("trader", "risk", "sre", "compliance")),
    Shown("risk", "/risk"),
    Shown("limits", "/risk/limits"),
    Shown("stop-losses", "/risk/stop-losses"),
    Shown("triggers", "/risk/triggers/settings"),
    Shown("performance", "/performance", light="/performance?by=venue&period=7d&sort=-pnl"),
    Shown("pipeline", "/pipeline"),
    Shown("engines", "/engines"),
    Shown("engine", "/engines/mom-eurusd", ("risk", "compliance", "trader", "sre")),
    Shown("holds", "/holds"),
    Shown("hold", "/holds/{hold}", ("risk", "sre", "compliance", "trader")),
    Shown("approvals", "/approvals"),
    Shown("approval", "/approvals/{approval}", ("risk", "trader", "compliance")),
    Shown("break-glass", "/break-glass"),
    Shown("audit", "/audit", READERS),
    Shown("people", "/people", PEOPLE),
    Shown("person", "/people/mercy.okafor", PEOPLE),
    Shown("access-review", "/access-review", PEOPLE),
    Shown("security", "/security"),
    Shown("sessions", "/sessions"),
    Shown("stop", "/stop", ("sre", "trader", "risk"), live=False),
    Shown("forbidden", "/people", ("trader",), live=False),
    Shown("sign-in", "/sign-in", (NOBODY,), live=False),
)


@dataclass(frozen=True)
class Load:
    """One page opened once, and the widths to look at it in; ``judged``: those in which every rule
    is asked, which takes longest. Each layout of a page is, wide in one theme, narrow in the other;
    in the long run all are."""

    page: Shown
    role: str
    theme: str
    widths: tuple[str, ...]
    judged: tuple[str, ...]


def by_pairs() -> list[Load]:
    """At most 96 states: two loads a page, each in two widths."""
    wide = tuple(WIDTHS)
    halves = ((wide[0], wide[3]), (wide[1], wide[2]))
    loads = []
    for number, page in enumerate(PAGES):
        for turn, theme in enumerate(THEMES):
            role = page.roles[(number + turn) % len(page.roles)]
            half = (number + turn) % 2
            loads.append(Load(page, role, theme, halves[half], (JUDGED[half],)))
    return sorted(loads, key=lambda one: (one.role, one.theme))


def whole() -> list[Load]:
    """All states there are."""
    every = itertools.product((*ROLES, NOBODY), THEMES, PAGES)
    return [
        Load(page, role, theme, tuple(WIDTHS), tuple(WIDTHS))
        for role, theme, page in every
        if role in page.roles
    ]


def states(loads: list[Load]) -> Iterator[tuple[str, str, str, str]]:
    """(page, role, theme, width) of each."""
    for one in loads:
        for width in one.widths:
            yield one.page.name, one.role, one.theme, width
