"""The same key, the same answer: kept in the transaction of what was done.

So a key whose work was not committed is unused, and of any number at once one works and the others
wait for its answer. Refusals are not kept: what was mended may be tried again under the same key.
"""

import datetime as dt
from collections.abc import Callable

from django.db import transaction
from rest_framework.exceptions import APIException
from rest_framework.response import Response

from console.models import KeptAnswer
from riskctl.actors import NotAllowedError
from riskctl.approvals import RequestError
from riskctl.conditions import PreconditionError
from riskctl.holds import ScopeError
from riskctl.schedule import ScheduleError

KEPT_FOR = dt.timedelta(hours=24)
REFUSALS = (
    NotAllowedError, PreconditionError, RequestError, ScopeError, ScheduleError, APIException,
)  # fmt: skip


def answered_once(
    *, caller: str, path: str, key: str, work: Callable[[], Response]
) -> Response:  # fmt: skip
    """What ``work`` answers, or answered before to ``caller`` under ``key`` at ``path``.

    Raises what ``work`` raises, db.Error.
    """
    if not key:
        return work()
    refused: Exception | None = None
    with transaction.atomic():
        KeptAnswer.objects.filter(created_at__lt=dt.datetime.now(dt.UTC) - KEPT_FOR).delete()
        row, fresh = KeptAnswer.objects.get_or_create(caller=caller, path=path, key=key)
        if not fresh:
            return _again(row)
        try:
            answer = work()
        except REFUSALS as error:
            refused = error  # its entry in the record is to be committed
            row.delete()
        else:
            _keep(row, answer)
    if refused is not None:
        raise refused
    return answer


def _keep(row: KeptAnswer, answer: Response) -> None:
    row.status = answer.status_code
    row.body = answer.data
    row.location = answer.headers.get("Location", "")
    row.save(update_fields=["status", "body", "location"])


def _again(row: KeptAnswer) -> Response:
    headers = {"Location": row.location} if row.location else None
    return Response(row.body, row.status, headers=headers)
