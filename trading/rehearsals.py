"""Which accounts others rehearse on, and which orders and fills count where, in SQL, once.

As trading.portfolio.books.Counting has it of positions: paper money is in no sum of the firm, and
in a strategy's only below the rung ramp, or where it trades there itself.
"""

from trading.models import VenueAccount

_PAPER = "SELECT rehearsal_id FROM trading_venueaccount WHERE rehearsal_id IS NOT NULL"
_REHEARSING = f"""
SELECT key FROM trading_strategy WHERE account_id IN ({_PAPER}) OR second_account_id IN ({_PAPER})
    OR key NOT IN (SELECT strategy FROM riskctl_stage WHERE rung IN ('ramp', 'live'))
"""  # noqa: S608 - constants

OF_FIRM = f"o.account_id NOT IN ({_PAPER})"
"""Of any row ``o`` with account and strategy."""

OF_STRATEGY = f"({OF_FIRM} OR o.strategy_id IN ({_REHEARSING}))"


def rehearsal_accounts() -> set[str]:
    """Names of accounts that are the rehearsal of another. Raises django.db.Error."""
    found = VenueAccount.objects.exclude(rehearsal=None).values_list("rehearsal_id", flat=True)
    return {str(one) for one in found}
