"""``python -m tests.feeds.child TOKEN [ROLE]``: the feed as a worker's child; stdin's end stops it.

ROLE is feed unless it is another that works on the feed's stream.
"""

import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")
django.setup()

from trading.hosting import HostContext  # noqa: E402 - needs Django's settings
from workers.hosts import feed, recorder  # noqa: E402

if __name__ == "__main__":
    role = sys.argv[2] if len(sys.argv) > 2 else "feed"
    run = {"feed": feed.run, "recorder": recorder.run}[role]
    run(HostContext(f"{role}:main", int(sys.argv[1]), f"test:{os.getpid()}:0", stop_fd=0))
