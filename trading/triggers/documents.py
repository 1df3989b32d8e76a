"""Stops of each strategy's TradingEngine document, as they are in force.

They only add: the desk's own triggers stay. Looser ones take two people (trading.engines.controls).
"""

from riskctl.models import Approval
from trading.engines.controls import stops_in_force
from trading.engines.versions import APPROVAL
from trading.models import EngineVersion
from trading.triggers.stops import Documents


def documents_read(before: Documents) -> Documents:
    """``before`` unless there is another version or agreement. Raises db.Error.

    They are counted: none is ever removed, and one may commit after another of a later number.
    """
    agreed = Approval.objects.filter(kind=APPROVAL, state=Approval.State.EXECUTED).count()
    newest = EngineVersion.objects.count() + agreed
    if newest == before.newest and before.stops is not None:
        return before
    return Documents(newest, stops_in_force())
