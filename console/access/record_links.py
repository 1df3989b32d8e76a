"""What leads on from an object to entries of the record, and stands in other tables than that."""

import uuid
from collections.abc import Collection, Iterable

from audit.linking import Key
from riskctl.models import Approval, ScheduledHold


def asked_about(keys: Collection[Key]) -> Iterable[Key]:
    """Requests for two people about a hold, and plans that it came of: their tables know. Raises
    db.Error."""
    holds = [one.id for one in keys if one.kind == "hold"]
    if not holds:
        return []
    requests = Approval.objects.filter(subject__in=[f"hold:{one}" for one in holds])
    plans = ScheduledHold.objects.filter(placed__in=[one for one in holds if _is_uuid(one)])
    return [
        *(Key("approval", str(one)) for one in requests.values_list("id", flat=True)),
        *(Key("maintenance", str(one)) for one in plans.values_list("id", flat=True)),
    ]


def _is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True
