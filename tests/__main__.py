"""``python -m tests [pytest's arguments]``: starts services of its own, then runs pytest.

Django's settings read the environment once, before any conftest: so the services come first.
``DATABASE_URL`` and ``REDIS_URL`` are used where they are given. The whole suite runs in
lanes (tests.support.lanes), a part of it in one. ``--all`` takes in the long tests.
"""

import contextlib
import json
import os
import sys

import pytest

from tests.support.services import ALL_VARIABLE, LANES_VARIABLE, own_services

LANES = 3
"""One a core of the machine that the suite is measured on, and one of tests that mostly wait."""


def whole(arguments: list[str]) -> bool:
    """Whether nothing was chosen, and each lane can have services of its own."""
    chosen = any(one.startswith(("tests", "-m", "-n")) for one in arguments)
    given = os.environ.get("DATABASE_URL") or os.environ.get("REDIS_URL")
    return not (chosen or given)


if __name__ == "__main__":
    arguments = [one for one in sys.argv[1:] if one != "--all"]
    if len(arguments) < len(sys.argv) - 1:
        os.environ[ALL_VARIABLE] = "yes"
    with contextlib.ExitStack() as running:
        if whole(arguments):
            lanes = [running.enter_context(own_services()) for _ in range(LANES)]
            os.environ.update(lanes[0])  # for collecting; nothing runs outside a lane
            os.environ[LANES_VARIABLE] = json.dumps(lanes)
            arguments += ["-n", str(LANES), "--dist", "loadscope", "--no-loadscope-reorder"]
        else:
            os.environ.update(running.enter_context(own_services()))
        os.environ["PYTEST_PLUGINS"] = "tests.support.lanes"  # the way that lanes take as well
        code = pytest.main(arguments)
    sys.exit(code)
