"""How holds, receipts, approvals, rungs and the dead man's switch look on the wire."""

from typing import Any

from rest_framework import serializers

from console.api.serializers import Shape, exact_field, moment_field, text_field
from riskctl.holds import RULES, Kind, Rule
from riskctl.lifting import PAIRS
from riskctl.models import Approval, Hold

_MODES = "REDUCE-ONLY, HALTED or FROZEN"
_KINDS = ", ".join(Kind)


def lift_needs(row: Hold) -> str:
    """What lifting this hold takes, in words."""
    rule, kind = RULES[Kind(row.kind)], Kind(row.kind)
    factor = " with a second factor of the last five minutes" if rule.step_up else ""
    if rule.people > 1:
        both = " and ".join(sorted(PAIRS.get(kind, ())))
        brings = f", who bring {both} between them" if both else ""
        return f"two people of {_roles(rule)}{brings}, each{factor}"
    placer = rule.placer_lifts and row.actor_kind == "person"
    return f"{_roles(rule)}{f', or {row.placed_by} who placed it' if placer else ''}{factor}"


def _roles(rule: Rule) -> str:
    return ", ".join(sorted(rule.lifted_by))


class LiftShape(Shape):
    lifted_by = text_field()
    second = text_field("The other person, where it took two; else empty.")
    reason = text_field()
    approval = text_field("The request it was approved by.", null=True)
    lifted_at = moment_field()


class HoldShape(Shape):
    id = text_field()
    scope = text_field("firm, venue:ACCOUNT, strategy:KEY or instrument:SYMBOL")
    kind = text_field(f"One of {_KINDS}.")
    mode = text_field(_MODES)
    cancels = serializers.BooleanField(help_text="Open orders in the scope are cancelled.")
    protective_too = serializers.BooleanField(help_text="Protective stops as well.")
    reason = text_field()
    placed_by = text_field()
    actor_kind = text_field("person, token, trigger or process")
    on_behalf_of = text_field("Whom the caller named, or whose the token is.")
    source = text_field()
    request_id = text_field()
    placed_at = moment_field()
    recorded_at = moment_field()
    status = serializers.SerializerMethodField(help_text="open or lifted")
    effective_at = serializers.SerializerMethodField(
        help_text="When every gateway was proven; null: not yet."
    )
    lift = serializers.SerializerMethodField(help_text="Who ended it, and why; null while open.")
    lift_needs = serializers.SerializerMethodField(help_text="What lifting it takes.")

    def get_status(self, row: Hold) -> str:
        return "lifted" if _lift(row) else "open"

    def get_effective_at(self, row: Hold) -> str | None:
        at = self.context.get("effective", {}).get(row.id)
        return None if at is None else moment_field().to_representation(at)

    def get_lift(self, row: Hold) -> dict[str, Any] | None:
        lift = _lift(row)
        return None if lift is None else dict(LiftShape(lift).data)

    def get_lift_needs(self, row: Hold) -> str:
        return lift_needs(row)


def _lift(row: Hold) -> Any:
    return getattr(row, "lift", None)


class PlacedHoldShape(Shape):
    id = text_field()
    scope = text_field()
    kind = text_field()
    mode = text_field()
    cancels = serializers.BooleanField()
    protective_too = serializers.BooleanField()
    reason = text_field()
    placed_by = text_field()
    placed_at = moment_field()
    on_behalf_of = text_field()


class ReceiptShape(Shape):
    """As when the call returned, or as recorded since: then with every signed step."""

    hold = PlacedHoldShape()
    status = text_field("effective: no order can leave any more; latched: not proven yet.")
    decided_at = moment_field()
    latched_at = moment_field("When somebody who does not forget knew it.", null=True)
    effective_at = moment_field(null=True)
    not_recorded = text_field("Why the database does not have it yet; empty when it has.")
    gateways = serializers.ListField(
        child=serializers.DictField(),
        help_text="How each gateway was proven (acknowledged, dead or expired), and its orders in "
        "flight.",
    )
    unproven = serializers.ListField(
        child=serializers.DictField(),
        help_text="account, why, and deadline_ms: when it will be proven at the latest.",
    )
    signature = text_field("Ed25519, hex, over the canonical bytes of all that stands beside it.")
    key_id = text_field()
    in_flight = serializers.ListField(
        required=False, help_text="Ids of creates that the venue might still accept."
    )
    cancelled = serializers.DictField(
        required=False, help_text="count, last_at, orders: cancels that the venue confirmed."
    )
    still_open = serializers.ListField(
        child=serializers.DictField(), required=False, help_text="What was left when last named."
    )
    none_open = serializers.ListField(
        child=serializers.DictField(),
        required=False,
        help_text="Accounts whose venue showed none open, twice.",
    )
    flattening = serializers.ListField(
        child=serializers.DictField(),
        required=False,
        help_text="What was closed, what cannot be closed, and ends.",
    )
    flat = serializers.ListField(
        child=serializers.DictField(), required=False, help_text="Accounts that are proven flat."
    )
    lift = LiftShape(required=False, allow_null=True)
    steps = serializers.ListField(
        child=serializers.DictField(),
        required=False,
        help_text="Every step: step, account, happened_at, by, facts, signature, key_id, and the "
        "text that was signed: empty where the reader may not see all of it.",
    )


class CancelledShape(Shape):
    scope = text_field()
    reason = text_field()
    status = text_field("asked: every gateway cancels; partly: one did not answer.")
    gateways = serializers.ListField(
        child=serializers.DictField(), help_text="account, and the ids of the orders it cancels."
    )
    unanswered = serializers.ListField(
        child=serializers.DictField(), help_text="account, and why nothing is known of it."
    )
    accounts_known = serializers.BooleanField(
        help_text="false: the database did not say which accounts there are; this host's were told."
    )


class ClosingShape(Shape):
    account = text_field()
    symbol = text_field()
    side = text_field("buy or sell: what would be ordered")
    quantity = exact_field()
    at_venue = exact_field("The venue's signed position.")
    value = exact_field("USD at the latest mid; null: no price.", null=True)
    tranches = serializers.IntegerField(allow_null=True, help_text="Into how many parts at most.")
    taken_at = moment_field("When the venue was asked.")
    why = text_field("Why no order can close it; else empty.")


class PreviewShape(Shape):
    """With ``dry_run``: what would be closed. Nothing is done."""

    dry_run = serializers.BooleanField()
    scope = text_field()
    closings = ClosingShape(many=True)
    value = exact_field("USD, of all; null when one has no price.", null=True)
    as_of = moment_field()


class StopLossShape(Shape):
    account = text_field()
    strategy = text_field()
    symbol = text_field()
    position = exact_field("Signed.")
    entry_price = exact_field("What it cost on average.", null=True)
    mark = exact_field("The mid that the stop was reckoned from.", null=True)
    percentage = exact_field("Of the stop that stands: tighter than asked, maybe.", null=True)
    stop_price = exact_field("Null: there is none.", null=True)
    side = text_field("Of the order: sell protects a long position, buy a short one.")
    covered = exact_field("How much of the position it closes.")
    state = text_field(
        "resting (the order works at the venue), watched (the gateway closes at the price), "
        "closing, pending, ended, refused; with dry_run would-rest or would-watch."
    )
    order = text_field("Client order id of what rests.")
    why = text_field("Why it does not rest, or why it is not moved.")
    loss = exact_field("USD from mark to stop price.", null=True)


class StopLossesShape(Shape):
    id = text_field()
    scope = text_field()
    percentage = exact_field()
    basis = text_field("mid: the percentage is of the latest mid, not of what was paid.")
    reason = text_field()
    dry_run = serializers.BooleanField()
    status = text_field("covered, partly (see state and unanswered) or preview")
    positions = StopLossShape(many=True)
    unanswered = serializers.ListField(
        child=serializers.DictField(), help_text="account, and why nothing is known of it."
    )
    accounts_known = serializers.BooleanField(
        help_text="false: the database did not say which accounts there are; this host's were told."
    )
    as_of = moment_field()


class FlattenShape(ReceiptShape):
    """The receipt of the stop, and who closes positions under it."""

    closing = serializers.ListField(
        child=serializers.CharField(), help_text="Accounts whose gateway took the order to close."
    )
    not_closing = serializers.ListField(
        child=serializers.DictField(), help_text="account, and why nobody closes there."
    )
    warrant = text_field("Id of the order to close.")


class LiftedShape(Shape):
    hold = text_field("Id.")
    scope = text_field()
    kind = text_field()
    lifted_by = text_field()
    second = text_field()
    rungs = serializers.DictField(
        child=serializers.CharField(), help_text="Where strategies stand again, by key."
    )


class RemainingShape(Shape):
    hold = text_field("Id.")
    scope = text_field()
    kind = text_field()
    mode = text_field()
    needs = text_field("What lifting it takes.")


class ResumedShape(Shape):
    strategy = text_field()
    mode = text_field("Effective mode now, by the holds that are open.")
    lifted = LiftedShape(many=True)
    remaining = RemainingShape(many=True)


class ApprovalShape(Shape):
    id = text_field()
    kind = text_field()
    subject = text_field("hold:ID, strategy:KEY, limit:SCOPE/KIND, trigger:NAME, …")
    request = serializers.JSONField(help_text="What will be done.")
    asked_in = serializers.JSONField(help_text="The state it was asked in, with its conditions.")
    digest = text_field("Of both; name it to approve exactly this.")
    reason = text_field()
    requested_by = text_field()
    requester_roles = serializers.ListField(child=serializers.CharField())
    requested_at = moment_field()
    expires_at = moment_field()
    status = text_field(f"One of {', '.join(Approval.State.values)}.", source="state")
    decided_by = text_field("Empty while pending.")
    decider_roles = serializers.ListField(child=serializers.CharField())
    decided_at = moment_field(null=True)
    decision_reason = text_field()
    result = serializers.JSONField(allow_null=True, help_text="What came of it.")


class StageShape(Shape):
    strategy = text_field()
    rung = text_field("stopped, monitor, paper, ramp or live; without a row: stopped")
    next = text_field("The one rung above.", null=True)
    size_factor = exact_field("Share of its size and limits.", null=True)
    since = moment_field(null=True)
    entered_by = text_field()
    reason = text_field()


class MaintenanceShape(Shape):
    id = text_field()
    scope = text_field()
    due_at = moment_field()
    reason = text_field()
    asked_by = text_field()
    asked_at = moment_field()
    placed = text_field("The hold it became.", null=True)
    withdrawn_by = text_field("Empty while it stands.")


class DeadManShape(Shape):
    state = text_field("armed, warning, expired, off or never")
    enabled = serializers.BooleanField()
    confirmed_at = moment_field(null=True)
    confirmed_by = text_field()
    warns_at = moment_field(null=True)
    expires_at = moment_field(null=True)
    remaining_s = serializers.IntegerField(allow_null=True)


class TriggersShape(Shape):
    """Each is {source, as_of, shadow, warnings, queued, triggers}; null: not heard for a minute."""

    path = serializers.DictField(allow_null=True, help_text="Evaluated in the path, each batch.")
    watchdog = serializers.DictField(allow_null=True, help_text="Evaluated by the watchdog.")
