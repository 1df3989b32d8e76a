"""Whether anything has the name that a scope says: a stop of nothing must not pass for a stop."""

import psycopg

from console.cli.bounded import Database
from riskctl.holds import FIRM, slug
from trading.universe import UNIVERSE

NAMES_SQL = """
SELECT 'strategy', key, '' FROM trading_strategy UNION ALL
SELECT 'venue', name, venue FROM trading_venueaccount
"""
ASK_S = 0.4


def named_nothing(scope: str, database: Database, so: str = "this stops no order") -> str:
    """What to say when nothing has that name, as far as is known; empty otherwise. ``so``: what
    comes of it."""
    kind, _, key = scope.partition(":")
    if scope == FIRM:
        return ""
    if kind == "instrument":
        known = {one.symbol for one in UNIVERSE.instruments}
    else:
        try:
            rows = database.rows(NAMES_SQL, within_s=ASK_S)
        except (psycopg.Error, TimeoutError):
            return ""  # who there is, is not known: the hold lies on its scope all the same
        found = [(name, venue) for what, name, venue in rows if what == kind]
        known = {name for name, _ in found} | {slug(venue) for _, venue in found if venue}
    if key in known:
        return ""
    there = ", ".join(sorted(known)) or "none"
    return f"nothing is called {scope}: {so}. There are: {there}"
