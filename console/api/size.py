"""A strategy's size: set at once within its limits, asked for beyond them."""

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from console.api.bodies import OPERATOR, REASON, text_part
from console.api.brake_shapes import ApprovalShape
from console.api.holds import LIFT_PROBLEMS, asked
from console.api.naming import scope_exists
from console.api.serializers import Shape, exact_field, text_field
from console.api.writes import WriteView, posted, version_seen
from riskctl.actors import Actor
from trading.strategies.resize import BeyondLimitsError, Sized, size_raise_request, size_set

SIZE_FIELDS = (
    text_part(
        "size", "Target position per symbol, USD, as text: above 0, two decimals at most.",
        required=True, longest=24,
    ),
    REASON,
    OPERATOR,
)  # fmt: skip


class SizedShape(Shape):
    strategy = text_field()
    before = exact_field("USD per symbol.")
    size = exact_field("USD per symbol.")
    version = serializers.IntegerField(help_text="Also in ETag; name it in If-Match.")


class StrategySize(WriteView):
    """Whoever lowers a size does it at once; the shard takes it without a restart."""

    fields = SIZE_FIELDS

    @posted(
        {
            200: (SizedShape, "Set. What is held is brought to it by the strategy."),
            202: (ApprovalShape, "It takes higher limits, so two people: this is the request."),
        },
        "Sets the size of a strategy. Lower: at once. Higher, within its limits: at once, with a "
        "second factor of the last five minutes. Beyond its limits: a request for both, of which "
        "risk is one of the two. With If-Match only while the strategy is that version.",
        name="strategy_size",
        fields=SIZE_FIELDS,
        problems=(*LIFT_PROBLEMS, 412),
    )
    def post(self, request: Request, strategy: str) -> Response:
        actor, version = self.actor(request), version_seen(request)
        return self.once(request, actor, lambda: self.set(strategy, version, actor))

    def set(self, strategy: str, version: int | None, actor: Actor) -> Response:
        self.sight.check(strategy)
        scope_exists(f"strategy:{strategy}", lambda: self.sight)
        size, reason = self.said.text("size"), self.said.text("reason")
        try:
            done = size_set(
                strategy=strategy, size=size, actor=actor, reason=reason, version=version
            )
        except BeyondLimitsError:
            return asked(
                size_raise_request(strategy=strategy, size=size, actor=actor, reason=reason)
            )
        return _sized(done)


def _sized(done: Sized) -> Response:
    return Response(SizedShape(done).data, headers={"ETag": f'"{done.version}"'})
