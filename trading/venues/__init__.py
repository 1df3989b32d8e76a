"""Venue adapters: one interface, one module a venue, nothing else speaks to a venue."""
