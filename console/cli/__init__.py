"""The command line, ``haltline``: stops that need a shell and the desk's home, and documents.

Neither web nor Celery, Redis or PostgreSQL is needed to stop. Nothing here starts trading.
"""
