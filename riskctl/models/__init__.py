"""The records of the brakes, by what they are about."""

from riskctl.models.approvals import Approval
from riskctl.models.gateways import GatewayRegister, ReceiptStep
from riskctl.models.glass import BreakGlass, BreakGlassUse
from riskctl.models.holds import Hold, HoldLift, ScheduledHold
from riskctl.models.ladder import Stage
from riskctl.models.leases import Heartbeat, Lease, Limit
from riskctl.models.triggers import DeadMan, TriggerFiring, TriggerSetting

__all__ = [
    "Approval",
    "BreakGlass",
    "BreakGlassUse",
    "DeadMan",
    "GatewayRegister",
    "Heartbeat",
    "Hold",
    "HoldLift",
    "Lease",
    "Limit",
    "ReceiptStep",
    "ScheduledHold",
    "Stage",
    "TriggerFiring",
    "TriggerSetting",
]
