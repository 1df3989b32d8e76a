"""How much this machine and its database carry: a gateway and a venue of their own under load.

Beside the desk and never in it: docs/operations.md says why.
"""
