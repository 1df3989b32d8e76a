"""What a strategy's fills may cost beyond the mid it saw: as its latest document says."""

from decimal import Decimal

from trading.engines.units import basis_points
from trading.models import EngineVersion


def slippage_budgets() -> dict[str, Decimal]:
    """Basis points by strategy, of those whose latest document has a budget. Raises db.Error."""
    rows = EngineVersion.objects.order_by("name", "-number").distinct("name")
    found = rows.values_list("name", "document__spec__execution__slippageBudget")
    return {name: basis_points(text) for name, text in found if text}
