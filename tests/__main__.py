"""``python -m tests [pytest's arguments]``: starts services of its own, then runs pytest.

Django's settings read the environment once, before any conftest: so the services come first.
``DATABASE_URL`` and ``REDIS_URL`` are used where they are given.
"""

import os
import sys

import pytest

from tests.support.services import own_services

if __name__ == "__main__":
    with own_services() as environment:
        os.environ.update(environment)
        code = pytest.main(sys.argv[1:])
    sys.exit(code)
