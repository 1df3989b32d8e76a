"""The record: append-only entries of every fact, in the transaction that made it."""
