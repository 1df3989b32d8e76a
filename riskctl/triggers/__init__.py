"""Automatic triggers: what each measures, what is in force, and what follows from a breach."""
