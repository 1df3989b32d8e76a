"""Runs the hosted portfolio as its worker would; stops when its standard input closes."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")
django.setup()

from trading.hosting import HostContext  # noqa: E402 - Django first
from workers.hosts import portfolio  # noqa: E402

if __name__ == "__main__":
    portfolio.run(HostContext(lease="portfolio:main", token=1, holder="test", stop_fd=0))
