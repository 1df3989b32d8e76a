"""What a strategy's fills may cost beyond the mid it saw: as its latest document says."""

from decimal import Decimal

from trading.engines.units import basis_points
from trading.models import EngineVersion


def slippage_budgets() -> dict[str, Decimal]:
    """Basis points by strategy, of those whose latest document has a budget. Raises db.Error."""
    rows = EngineVersion.objects.order_by("name", "-number").distinct("name")
    found = rows.values_list("name", "document__spec__execution__slippageBudget")
    return {name: basis_points(text) for name, text in found if text}


def slippage_budget(strategy: str) -> Decimal | None:
    """Basis points of the latest document of one. Raises db.Error, UnitError."""
    rows = EngineVersion.objects.filter(name=strategy).order_by("-number")
    text = rows.values_list("document__spec__execution__slippageBudget", flat=True).first()
    return basis_points(text) if text else None
