"""Stops of each strategy's latest TradingEngine document, as the database has them.

They only add: the desk's own triggers stay. Whoever loosens them in a new version moves them at
most to where those stand; on real money the gates close with it.
"""

import structlog
from django.db.models import Max

from trading.engines.problems import EngineInvalidError
from trading.engines.reading import Bound, read_engine
from trading.models import EngineVersion
from trading.triggers.stops import Documents, Stops

log = structlog.get_logger("haltline.triggers")


def documents_read(before: Documents) -> Documents:
    """``before`` unless there is a newer version. Raises db.Error."""
    newest = EngineVersion.objects.aggregate(newest=Max("id"))["newest"] or 0
    if newest == before.newest and before.stops is not None:
        return before
    rows = EngineVersion.objects.order_by("name", "-number").distinct("name")
    return Documents(newest, {one.name: stops for one in rows if (stops := _stops(one))})


def _stops(row: EngineVersion) -> Stops | None:
    try:
        config = read_engine(row.text)
    except EngineInvalidError as error:  # kept by code that read it otherwise
        log.error("engine document unreadable", engine=row.name, error=str(error))
        return None
    return Stops(row.number, _enabled(config.stop_loss), _enabled(config.drawdown))


def _enabled(bound: Bound | None) -> Bound | None:
    return bound if bound is not None and bound.enabled else None
