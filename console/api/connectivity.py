"""The runbook's question whether brokers can be reached."""

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from console.api.base import ApiView, described
from console.api.serializers import Shape, moment_field, text_field
from console.stores import redis_client
from trading.selectors.connectivity import connectivity


class ConnectivityShape(Shape):
    account = text_field()
    venue = text_field()
    live = serializers.BooleanField(help_text="Orders reach a real venue.")
    connected = serializers.BooleanField()
    settled = serializers.BooleanField(help_text="The books are the venue's since it connected.")
    stream = text_field(
        "The venue's private stream, which tells when to read: live, connecting, lost, silent, "
        "refused or nonsense; empty: it has none. Without it fills are read twice a second."
    )
    heartbeat_ms = serializers.IntegerField(
        allow_null=True, help_text="Since its gateway was heard; null: it is not."
    )
    answer_p95_us = serializers.IntegerField(
        allow_null=True, help_text="From a send to the venue's answer; null: none lately."
    )
    last_reading_at = moment_field("When it last said what it holds.", null=True)
    problems = serializers.ListField(
        child=serializers.CharField(),
        help_text="GATEWAY_SILENT, DISCONNECTED, CATCHING_UP, NOT_READ; empty: it can be reached.",
    )


class BrokerConnectivity(ApiView):
    @described(
        ConnectivityShape(many=True),
        "Whether each venue account's venue can be reached, as its gateway says that asks it all "
        "the time: nothing is sent for this.",
        name="broker_connectivity",
    )
    def get(self, request: Request) -> Response:
        sight = self.sight
        rows = [one for one in connectivity(redis_client()) if sight.sees_account(one.account)]
        return Response(ConnectivityShape(rows, many=True).data)
