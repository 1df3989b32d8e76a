"""Which markets are open, and when that changes."""

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from console.api.base import ApiView, described
from console.api.serializers import Shape, moment_field, text_field
from console.stores import redis_client
from trading.selectors.markets import markets
from trading.sessions import Phase


class MarketShape(Shape):
    market = text_field("As TradingEngine documents name it.")
    name = text_field()
    phase = serializers.ChoiceField([str(one) for one in Phase])
    until = moment_field("When the phase changes next; null: never, or not known.", null=True)
    opens_at = moment_field("When it opens next; null: it is open, or not known.", null=True)
    orders = serializers.BooleanField(
        help_text="Orders may leave now: it is open, or the feed is the simulator, whose market is."
    )
    instruments = serializers.ListField(
        child=serializers.CharField(), help_text="Of this desk that trade there."
    )
    as_of = moment_field("The feed's clock; without a feed the desk's.")


class Markets(ApiView):
    @described(
        MarketShape(many=True),
        "Phases of the markets now, by the feed's clock: holidays, half days and breaks as their "
        "calendars say. Beyond the end of a calendar a market is unknown, which is closed.",
        name="markets",
    )
    def get(self, request: Request) -> Response:
        return Response(MarketShape(markets(redis_client()), many=True).data)
