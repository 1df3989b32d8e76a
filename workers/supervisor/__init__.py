"""The one process that starts the desk, keeps it running and ends it."""
