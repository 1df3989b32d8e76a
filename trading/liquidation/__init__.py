"""Closing positions by order of a person: the hold, the warrants, and what they came to."""
