"""The database's address for loops that keep connections of their own beside Django's."""

from django.conf import settings
from psycopg.conninfo import make_conninfo


def conninfo() -> str:
    """A libpq connection string of Django's default database."""
    database = settings.DATABASES["default"]
    named = {
        "dbname": database["NAME"],
        "user": database["USER"],
        "password": database["PASSWORD"],
        "host": database["HOST"],
        "port": database["PORT"],
    }
    return make_conninfo(**{key: str(value) for key, value in named.items() if value})
