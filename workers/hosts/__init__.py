"""Loops that a worker hosts: one module per role, each with ``run(ctx)``, thin over ``trading``."""

ROLES = {
    role: f"workers.hosts.{role}.run"
    for role in ("feed", "shard", "portfolio", "gateway", "watchdog", "sequencer", "recorder")
}
"""Role of a lease -> dotted path of the function that hosts it."""
