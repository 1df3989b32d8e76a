"""Risk controls of documents in force: the strictest since two people last agreed to a version.

So one person tightens them by a new version, at once; looser ones wait for two. A version is kept
for good and its stops are read alone: what later code refuses elsewhere in it takes none away.
"""

import structlog

from riskctl.models import Approval
from trading.engines.bounds import Stops, controls_of
from trading.engines.versions import APPROVAL
from trading.models import EngineVersion

log = structlog.get_logger("haltline.engines")


def stops_in_force(name: str = "", *, deciding: Approval | None = None) -> dict[str, Stops]:
    """By strategy; of all, or of one. ``deciding``: a request that is being carried out, and so
    counts for nothing yet. Raises db.Error."""
    versions = EngineVersion.objects.order_by("name", "number")
    rows = versions.filter(name=name) if name else versions
    agreed = _agreed(deciding)
    found: dict[str, Stops] = {}
    for key, number, spec in rows.values_list("name", "number", "document__spec"):
        if number < agreed.get(key, 0):
            continue
        said = controls_of(spec)
        if said.unread:
            log.error("engine stops unreadable", engine=key, version=number, unread=[*said.unread])
        found[key] = found.get(key, Stops(number)).tightened(number, said)
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
