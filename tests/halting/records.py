"""What a desk must have in its database before it trades: accounts, strategies, leases, limits."""

from typing import Any

from tests.halting.load import ACCOUNTS, SHARD, SHARD_TOKEN, STRATEGIES, account_of

Rows = list[tuple[Any, ...]]
_ACCOUNT_SQL = """
INSERT INTO trading_venueaccount (name, venue, adapter, address, live)
VALUES (%s, %s, %s, %s, false)
"""
_STRATEGY_SQL = """
INSERT INTO trading_strategy
  (key, kind, owner, account_id, symbols, parameters, size_notional, version, shard)
VALUES (%s, 'momentum', 'trader', %s, '[]', '{}', 1000, 1, 0)
"""
_STAGE_SQL = """
INSERT INTO riskctl_stage (strategy, rung, size_factor, since, entered_by, reason)
VALUES (%s, 'live', 1, now(), 'rig', '')
"""
_LEASE_SQL = """
INSERT INTO riskctl_lease (name, role, holder, token, expires_at, renewed_at)
VALUES (%s, %s, '', %s, to_timestamp(0), to_timestamp(0))
"""
_LIMIT_SQL = """
INSERT INTO riskctl_limit (scope, kind, value, version, changed_at) VALUES (%s, %s, %s, 1, now())
"""


def records(address: str) -> list[tuple[str, Rows]]:
    """What a desk must have before it trades."""
    accounts: Rows = [
        (one, "Paper " + one[-1], "trading.venues.paper.PaperVenue", address) for one in ACCOUNTS
    ]
    strategies: Rows = [(one, account_of(one)) for one in STRATEGIES]
    leases: Rows = [(f"gateway:{one}", "gateway", 0) for one in ACCOUNTS]
    leases += [("watchdog:main", "watchdog", 0), (SHARD, "shard", SHARD_TOKEN)]
    limits: Rows = [("firm", kind, 10**9) for kind in ("order-notional", "gross-notional")]
    limits.append(("firm", "price-collar", 500))
    for one in ACCOUNTS:
        limits += [(f"account:{one}", "gross-notional", 10**8)]
        limits += [(f"account:{one}", "order-rate", 10_000)]
    notionals = ("order-notional", "position-notional", "gross-notional")
    for one in STRATEGIES:
        limits += [(f"strategy:{one}", kind, 10**7) for kind in notionals]
        limits += [(f"strategy:{one}", kind, 1_000) for kind in ("open-orders", "order-rate")]
    return [
        (_ACCOUNT_SQL, accounts),
        (_STRATEGY_SQL, strategies),
        (_STAGE_SQL, [(one,) for one in STRATEGIES]),
        (_LEASE_SQL, leases),
        (_LIMIT_SQL, limits),
    ]
