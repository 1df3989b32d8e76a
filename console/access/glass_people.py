"""Leave to break the glass is given to people who can use it: named here, because riskctl knows no
tables of people."""

from collections.abc import Mapping
from typing import Any

from console.access.rights import roles_of
from riskctl.actors import Actor
from riskctl.approvals.kinds import RequestError
from riskctl.glass_leave import request_check
from riskctl.holds import RISK


def enable_check(_subject: str, request: Mapping[str, Any], _actor: Actor) -> None:
    """Raises RequestError naming a person who could not use it."""
    request_check(request)
    for name in request["people"]:
        if RISK not in roles_of(name):
            raise RequestError("people", f"{name!r} is no risk manager who may sign in")
