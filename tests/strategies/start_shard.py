"""Hosts a shard as a worker's nursery would: LEASE TOKEN; it stops when standard input ends."""

import os
import sys

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "console.settings"
django.setup()

from trading.hosting import HostContext  # noqa: E402 - the settings first
from workers.hosts.shard import run  # noqa: E402

if __name__ == "__main__":
    run(HostContext(lease=sys.argv[1], token=int(sys.argv[2]), holder="test", stop_fd=0))
