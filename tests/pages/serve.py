"""A web process for browser tests: ``python -m tests.pages.serve PORT``, on the test's database.

Started by tests/pages/web.py with DATABASE_URL, REDIS_URL, HALTLINE_HOME and HALTLINE_SECRET_KEY.
"""

import importlib
import os
import socket
import sys
from pathlib import Path

import django

from workers.supervisor.home import Home

if __name__ == "__main__":
    home = Home(Path(os.environ["HALTLINE_HOME"]))
    home.create()  # before the settings are read: they look for its assets
    django.setup()
    importlib.import_module("workers.supervisor.assets").collect_assets(home)
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", int(sys.argv[1])))
    listening.listen(64)
    importlib.import_module("console.server").run(listening)
