"""Every dotted path by which the brakes reach up, looked up once at start."""

from riskctl.approvals.kinds import KINDS, paths_check
from riskctl.ladder import EVIDENCE
from riskctl.lifting import CHECKS, REENTRY


def executors_check() -> None:
    """Raises ImproperlyConfigured naming every path that leads to nothing callable."""
    paths = {"re-entry": REENTRY, "promotion": EVIDENCE}
    for name, kind in KINDS.items():
        paths |= {f"{name} executor": kind.execute, f"{name} state": kind.state}
        if kind.check:
            paths[f"{name} check"] = kind.check
    paths |= {f"lift of {kind}": path for kind, path in CHECKS.items()}
    paths_check(paths)
