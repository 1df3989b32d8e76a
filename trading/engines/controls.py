"""Risk controls of documents in force: the strictest since two people last agreed to a version.

So one person tightens them by a new version, at once; looser ones wait for two.
"""

import structlog

from riskctl.models import Approval
from trading.engines.bounds import Stops
from trading.engines.problems import EngineInvalidError
from trading.engines.reading import read_engine
from trading.engines.versions import APPROVAL
from trading.models import EngineVersion

log = structlog.get_logger("haltline.engines")


def stops_in_force(name: str = "", *, deciding: Approval | None = None) -> dict[str, Stops]:
    """By strategy; of all, or of one. ``deciding``: a request that is being carried out, and so
    counts for nothing yet. Raises db.Error."""
    versions = EngineVersion.objects.order_by("name", "number")
    agreed = _agreed(deciding)
    found: dict[str, Stops] = {}
    for row in versions.filter(name=name) if name else versions:
        if row.number < agreed.get(row.name, 0):
            continue
        try:
            config = read_engine(row.text)
        except EngineInvalidError as error:  # kept by code that read it otherwise
            log.error("engine document unreadable", engine=row.name, error=str(error))
            continue
        found[row.name] = found.get(row.name, Stops(row.number)).tightened(row.number, config)
    return found


def _agreed(deciding: Approval | None) -> dict[str, int]:
    """The last version of each strategy that two people brought into force."""
    rows = Approval.objects.filter(kind=APPROVAL, state=Approval.State.EXECUTED)
    if deciding is not None:
        rows = rows.exclude(id=deciding.id)
    found: dict[str, int] = {}
    for subject, number in rows.values_list("subject", "request__version"):
        name = subject.removeprefix("strategy:")
        found[name] = max(found.get(name, 0), number)
    return found
