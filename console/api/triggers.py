"""The triggers: what each measures, and the setting of one: tightened at once, loosened by two."""

import os
from collections.abc import Mapping
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from console.access.visible import Sight, trigger_shown
from console.api.base import ApiView, described
from console.api.bodies import OPERATOR, WHY, flag_part, text_part, whole_part
from console.api.brake_shapes import ApprovalShape, TriggersShape
from console.api.holds import LIFT_PROBLEMS, READ_ONE, asked
from console.api.problems import NoSuchError
from console.api.serializers import Shape, exact_field, moment_field, text_field
from console.api.writes import WriteView, posted
from console.stores import redis_client
from riskctl.models import TriggerSetting
from riskctl.triggers.changing import trigger_change
from riskctl.triggers.config import read_environment
from riskctl.triggers.inforce import FIELDS
from riskctl.triggers.settings import triggers_in_force
from riskctl.triggers.specs import SPECS
from trading.triggers.publishing import triggers_now

CHANGE_FIELDS = (
    text_part("threshold", "A decimal as text, in the trigger's unit.", longest=40),
    whole_part("confirmations", "Breaching readings in a row, each of newer facts."),
    whole_part("cooldown_s", "Until it may fire again; of a breaker, how long it holds at least."),
    text_part("warn_at", "Share of the threshold from which it warns, as text.", longest=10),
    whole_part("window_s", "Over how long it is measured, or looks back."),
    flag_part("shadow", "Only written down, nothing is held."),
    WHY,
    OPERATOR,
)


class TriggerShape(Shape):
    name = text_field()
    what = text_field()
    unit = text_field("Of the threshold.")
    threshold = exact_field("In force: as decided, or tighter by the environment.")
    confirmations = serializers.IntegerField()
    cooldown_s = serializers.IntegerField()
    warn_at = exact_field("Share of the threshold.")
    window_s = serializers.IntegerField()
    shadow = serializers.BooleanField(help_text="Of this trigger alone.")
    version = serializers.IntegerField(help_text="0: nobody has changed it.")
    origin = text_field("default, setting, or the environment's variable that tightens it")
    changed_by = text_field("Empty: nobody has changed it.")
    changed_at = moment_field(null=True)


class Triggers(ApiView):
    @described(
        TriggersShape,
        "Every trigger: live value, threshold and distance, as evaluated in the path and by the "
        "watchdog.",
        name="triggers",
    )
    def get(self, request: Request) -> Response:
        said, sight = triggers_now(redis_client()), self.sight
        return Response({source: _shown(body, sight) for source, body in said.items()})


def _shown(body: Mapping[str, Any] | None, sight: Sight) -> Mapping[str, Any] | None:
    """What one source says, of the scopes that the caller may see."""
    if body is None or sight.all:
        return body
    rows = (trigger_shown(one, sight) for one in body.get("triggers", ()))
    return {**body, "triggers": [one for one in rows if one is not None]}


class TriggerOne(WriteView):
    http_method_names = ["get", "head", "post"]
    fields = CHANGE_FIELDS

    @described(TriggerShape, "One trigger's setting in force.", name="trigger", problems=READ_ONE)
    def get(self, request: Request, trigger: str) -> Response:
        return _answer(trigger)

    @posted(
        {
            200: (TriggerShape, "Tighter, in force within a second."),
            202: (ApprovalShape, "It would loosen, so two people: this is the request."),
        },
        "Tightens a trigger at once: risk. What loosens it in any field becomes a request that "
        "another person decides, risk being one of the two; so does any change of a window, and "
        "of a breaker's cool-down, which is how long it holds.",
        name="trigger_change",
        fields=CHANGE_FIELDS,
        problems=LIFT_PROBLEMS,
    )
    def post(self, request: Request, trigger: str) -> Response:
        actor = self.actor(request)
        _check_there(trigger)
        wanted = {name: one for name, one in self.said.values.items() if name in FIELDS}

        def change() -> Response:
            done = trigger_change(
                name=trigger, request=wanted, actor=actor, reason=self.said.text("reason")
            )
            return _answer(trigger) if done.asked is None else asked(done.asked)

        return self.once(request, actor, change)


def _check_there(name: str) -> None:
    if name not in SPECS:
        there = ", ".join(sorted(SPECS))
        raise NoSuchError(f"There is no trigger '{name}'. There are: {there}.")


def _answer(name: str) -> Response:
    _check_there(name)
    setting = triggers_in_force(read_environment(os.environ)).settings[name]
    row = TriggerSetting.objects.filter(name=name).first()
    body = {
        **setting.body(),
        "name": name,
        "what": SPECS[name].what,
        "unit": SPECS[name].unit,
        "origin": setting.origin,
        "changed_by": row.changed_by if row else "",
        "changed_at": row.changed_at if row else None,
    }
    return Response(TriggerShape(body).data)
