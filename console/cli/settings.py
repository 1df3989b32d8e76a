"""What a shell needs of the settings: the record, the brakes' files, the signing key.

Not console.settings, which refuses to load where a secret of the web is missing: a stop needs none
of them. ``console.cli.desk`` has put into the environment what the desk's processes were told.
"""

from pathlib import Path
from typing import Any

import environ

env = environ.FileAwareEnv()  # type: ignore[no-untyped-call]

HALTLINE_HOME = Path(env.str("HALTLINE_HOME")).resolve()
SECRET_KEY = "nothing is signed with it here"  # noqa: S105 - Django asks for one
DEBUG = False
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"
LOGGING_CONFIG = None

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.postgres",
    "pgtrigger",
    "audit",
    "riskctl",
    "trading",
]

_UNKNOWN: dict[str, Any] = {  # a folder that is not there: it fails at once, saying so
    "ENGINE": "django.db.backends.postgresql",
    "NAME": "haltline",
    "USER": "haltline",
    "PASSWORD": "",
    "HOST": str(HALTLINE_HOME / "run" / "no-database-is-known"),
    "PORT": "",
}
DATABASES: dict[str, dict[str, Any]] = {
    "default": env.db_url("DATABASE_URL") if env.str("DATABASE_URL", "") else _UNKNOWN
}
DATABASES["default"].setdefault("OPTIONS", {}).update(
    {"connect_timeout": 2, "options": "-c lock_timeout=2s -c statement_timeout=5s"}
)

REDIS_URL = env.str("REDIS_URL", f"unix://{HALTLINE_HOME / 'run' / 'no-redis-is-known'}")
BRAKES_HOME = HALTLINE_HOME / "brakes"
CONTROL_KEY = env.str("HALTLINE_CONTROL_KEY", "")
SIGNING_KEY = env.str("HALTLINE_SIGNING_KEY", "")
SIGNING_KEY_FILE = HALTLINE_HOME / "signing.pem"
