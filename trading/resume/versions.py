"""What makes a strategy the version that it is."""

import hashlib
import json
from collections.abc import Sequence

from audit.canonical import canonical_bytes
from riskctl.approvals.asked import exact
from trading.models import Strategy


def version_of(strategy: Strategy) -> str:
    """SHA-256 of all that makes the strategy what it is: kind, account, symbols, size, parameters.

    Parameters are JSON as stored: they have floats, which canonical bytes refuse.
    """
    body = {
        "kind": strategy.kind,
        "account": strategy.account_id,
        **({"second": strategy.second_account_id} if strategy.second_account_id else {}),
        "symbols": strategy.symbols,
        "size": exact(strategy.size_notional),
        "parameters": json.dumps(strategy.parameters, sort_keys=True, separators=(",", ":")),
    }
    return hashlib.sha256(canonical_bytes(body)).hexdigest()


def versions_of(strategies: Sequence[Strategy]) -> dict[str, str]:
    return {one.key: version_of(one) for one in strategies}
