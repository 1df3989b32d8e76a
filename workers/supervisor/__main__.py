"""``python -m workers.supervisor``: start the desk, keep it running, stop it on Ctrl-C.

Environment: PORT (8080), HALTLINE_HOST (127.0.0.1), HALTLINE_HOME (./var), FEED (simulated, or
replay:FILE[,FILE...]), REPLAY_SPEED (1, or max), DATABASE_URL, DATABASE_OWNER_URL, REDIS_URL,
HALTLINE_ENV.
Exit codes: workers.supervisor.errors.Exit.
"""

import os
import sys

# Before numpy is imported anywhere: its threads would not survive the forks, and cost memory.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")

from workers.supervisor.desk import main

if __name__ == "__main__":
    sys.exit(main())
