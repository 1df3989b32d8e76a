"""The engine of what takes two people: services, errors, and its check at start."""

from riskctl.approvals.engine import (
    ApprovalVoidError,
    approval_approve,
    approval_reject,
    approval_request,
    approval_withdraw,
    approvals_expire,
)
from riskctl.approvals.kinds import KINDS, ApprovalKind, RequestError

__all__ = [
    "KINDS",
    "ApprovalKind",
    "ApprovalVoidError",
    "RequestError",
    "approval_approve",
    "approval_reject",
    "approval_request",
    "approval_withdraw",
    "approvals_expire",
]
