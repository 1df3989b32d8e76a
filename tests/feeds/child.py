"""``python -m tests.feeds.child TOKEN``: the feed as a worker's child; stdin's end stops it."""

import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")
django.setup()

from trading.hosting import HostContext  # noqa: E402 - needs Django's settings
from workers.hosts import feed  # noqa: E402

if __name__ == "__main__":
    feed.run(HostContext("feed:main", int(sys.argv[1]), f"test:{os.getpid()}:0", stop_fd=0))
