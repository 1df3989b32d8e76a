"""The runbooks' test calls: each answers what a stage would do, and none of them trades."""

from decimal import Decimal, InvalidOperation
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from console.api.bodies import OPERATOR, BodyField, choice_part, flag_part, text_part
from console.api.serializers import Shape, exact_field, moment_field, text_field
from console.api.writes import WRITE_PROBLEMS, WriteView, posted
from console.stores import redis_client
from riskctl.control import OrderTried
from trading.clock import utc_from_ns
from trading.messages import Side
from trading.strategies.specs import SignalNow
from trading.testcalls import service
from trading.testcalls.service import Assessed

TEST_PROBLEMS = (*WRITE_PROBLEMS, 409)
MOST = Decimal("1e15")


def number_part(name: str, about: str, *, required: bool = False) -> BodyField:
    """A JSON number or a text: runbooks write prices either way."""

    def parse(value: Any) -> Decimal:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise ValueError(value)
        try:
            found = Decimal(str(value)[:40])
        except InvalidOperation:
            raise ValueError(value) from None
        if not found.is_finite() or abs(found) >= MOST:
            raise ValueError(value)
        return found

    allowed = "a decimal number below 1e15, as number or text"
    return BodyField(name, parse, allowed, about, serializers.DecimalField, required,
                     {"max_digits": None, "decimal_places": None})  # fmt: skip


def _confidence(value: Any) -> Decimal:
    found: Decimal = _CONFIDENCE.parse(value)
    if not 0 <= found <= 1:
        raise ValueError(value)
    return found


_CONFIDENCE = number_part("confidence", "From 0 to 1; no limit weighs it.")
SYMBOL = text_part("symbol", "An instrument.", longest=24)
SYMBOL_NEEDED = text_part("symbol", "An instrument.", required=True, longest=24)
STRATEGY = text_part("strategy", "Of this strategy alone.", longest=60)
SIDE = choice_part("side", Side, "buy when not given.")
PRICE_FIELDS = (
    SYMBOL_NEEDED,
    number_part("bid", "The quote's bid.", required=True),
    number_part("ask", "Its ask; the feed's checks say whether it may be.", required=True),
    OPERATOR,
)
GENERATE_FIELDS = (
    SYMBOL_NEEDED,
    flag_part("test_mode", "true, or left out: nobody ever acts on the answer."),
    OPERATOR,
)
VALIDATE_FIELDS = (
    SYMBOL,
    text_part("signal_id", "How the record calls it.", longest=80),
    BodyField("confidence", _confidence, "a number from 0 to 1", _CONFIDENCE.about,
              serializers.DecimalField, False, {"max_digits": None, "decimal_places": None}),
    choice_part("direction", ("-1", "0", "1", "long", "flat", "short"),
                "The signal's; where each has something to order when not given."),
    STRATEGY,
    OPERATOR,
)  # fmt: skip
ORDER_FIELDS = (
    STRATEGY,
    SYMBOL,
    SIDE,
    number_part("quantity", "In units; one lot when not given."),
    number_part("limit_price", "Without one it is a market order."),
    OPERATOR,
)
_DIRECTIONS = {"-1": -1, "short": -1, "0": 0, "flat": 0, "1": 1, "long": 1}


class PriceJudgedShape(Shape):
    symbol = text_field()
    bid = exact_field("As it was put in.")
    ask = exact_field("As it was put in.")
    accepted = serializers.BooleanField(help_text="It is a tick now, and strategies see it.")
    refused_by = text_field("Code of the check that refused it, as /pipeline counts it; or empty.")
    detail = text_field("What the check saw.")
    tick = text_field("Entry of the tick stream that it became, or empty.")
    time = moment_field("Feed time that it bears.")


class SignalNowShape(Shape):
    id = text_field("Empty before the strategy has seen a tick of the symbol.")
    strategy = text_field()
    symbol = text_field()
    warm = serializers.BooleanField(help_text="It has seen enough ticks for its averages to count.")
    direction = serializers.IntegerField(allow_null=True, help_text="-1 short, 0 none, 1 long.")
    score = serializers.FloatField(allow_null=True, help_text="In units of its own threshold.")
    confidence = serializers.FloatField(allow_null=True)
    price = exact_field("Mid that it rests on.", null=True)
    timestamp = moment_field("Feed time of that price.", null=True)


class AdmissionShape(Shape):
    name = text_field("holds, licence, shard, stage, age, position, reduce-only, terms, "
                      "instrument, price, post-only, limits or connection")  # fmt: skip
    passed = serializers.SerializerMethodField()
    code = text_field("Why it refuses, or empty.")
    text = text_field()

    def get_passed(self, one: Any) -> bool:
        return not one.code


class RuleShape(Shape):
    code = text_field("That of an order refused by it.")
    what = text_field("What is measured.")
    scope = text_field("Whose limit.")
    measured = exact_field("With this order.")
    limit = exact_field("In force.")
    passed = serializers.BooleanField(
        help_text="Also when over it, for an order that only makes the exposure smaller."
    )


class AssessedShape(Shape):
    strategy = text_field()
    account = text_field()
    symbol = text_field()
    side = text_field()
    quantity = exact_field("Units.")
    limit_price = exact_field("Null: a market order.", null=True)
    allowed = serializers.BooleanField(help_text="It would have been sent.")
    code = text_field("Of the first gate that refuses it, or empty.")
    text = text_field("Why, in words.")
    gates = AdmissionShape(many=True, help_text="In the order in which they are asked.")
    rules = RuleShape(many=True, help_text="Every limit; none where they cannot be judged now.")


class ValidatedShape(Shape):
    signal_id = text_field()
    symbol = text_field()
    confidence = exact_field("As it was said.", null=True)
    approved = serializers.BooleanField(help_text="At least one order, and each may be sent.")
    assessments = AssessedShape(many=True, help_text="One for each strategy that would order.")


class TestView(WriteView):
    token_scopes = frozenset({"trade-test"})


class InjectPrice(TestView):
    fields = PRICE_FIELDS

    @posted(
        {200: (PriceJudgedShape, "The feed's checks have judged it.")},
        "Puts one quote into the simulated feed, where it is checked as any other: what it became, "
        "or which check refused it. Refused where the feed is live or a recording, or an account "
        "reaches a real venue.",
        name="test_inject_price",
        fields=PRICE_FIELDS,
        problems=TEST_PROBLEMS,
    )
    def post(self, request: Request) -> Response:
        actor, said = self.actor(request), self.said.values

        def inject() -> Response:
            done = service.price_inject(
                symbol=said["symbol"], bid=said["bid"], ask_=said["ask"], actor=actor,
                redis=redis_client(),
            )  # fmt: skip
            body = {
                **{name: said[name] for name in ("symbol", "bid", "ask")},
                "accepted": not done.reason,
                "refused_by": done.reason,
                "detail": done.detail,
                "tick": done.entry,
                "time": utc_from_ns(done.feed_time),
            }
            return Response(PriceJudgedShape(body).data)

        return self.once(request, actor, inject)


class GenerateSignal(TestView):
    fields = GENERATE_FIELDS

    @posted(
        {200: (SignalNowShape(many=True), "One of each strategy that trades it on paper.")},
        "Has each strategy's own shard make the signal that it would make of the symbol now. "
        "Nobody acts on it and it is not kept: signals of the strategy's own are in /api/signals.",
        name="test_generate_signal",
        fields=GENERATE_FIELDS,
        problems=TEST_PROBLEMS,
    )
    def post(self, request: Request) -> Response:
        actor, symbol = self.actor(request), self.said.text("symbol")
        found = service.signal_generate(
            symbol=symbol, actor=actor, redis=redis_client(), seen=self.sight.strategies
        )
        rows = [_signal(one, symbol) for one in found]
        return Response(SignalNowShape(rows, many=True).data)


def _signal(one: SignalNow, symbol: str) -> dict[str, Any]:
    made = one.signal
    return {
        "id": made.id if made else "",
        "strategy": one.strategy,
        "symbol": symbol,
        "warm": one.warm,
        "direction": made.direction if made else None,
        "score": made.score if made else None,
        "confidence": made.confidence if made else None,
        "price": made.price if made else None,
        "timestamp": utc_from_ns(made.feed_time) if made else None,
    }


class ValidateSignal(TestView):
    """The runbook's second one says nothing of its signal: the first strategy's is taken."""

    fields = VALIDATE_FIELDS

    @posted(
        {200: (ValidatedShape, "What the gateways said.")},
        "Asks the gateway of each strategy that would act on such a signal what its risk check "
        "says to the order: every gate and every limit with what is measured. Nothing is sent, "
        "nothing reserved. Of paper accounts alone.",
        name="test_validate_signal",
        fields=VALIDATE_FIELDS,
        problems=TEST_PROBLEMS,
    )
    def post(self, request: Request) -> Response:
        return self.validated(request)

    def validated(self, request: Request) -> Response:
        actor, said = self.actor(request), self.said
        sight = self.sight
        symbol = said.text("symbol") or service.first_symbol(sight.strategies)
        direction = said.text("direction")
        found = service.signal_validate(
            signal_id=said.text("signal_id"), symbol=symbol,
            direction=_DIRECTIONS[direction] if direction else None,
            strategy=said.text("strategy"), actor=actor, redis=redis_client(),
            seen=sight.strategies,
        )  # fmt: skip
        body = {
            "signal_id": said.text("signal_id"),
            "symbol": symbol,
            "confidence": said.values.get("confidence"),
            "approved": bool(found) and not any(one.tried.code for one in found),
            "assessments": [_assessed(one) for one in found],
        }
        return Response(ValidatedShape(body).data)


class ValidateTestSignal(ValidateSignal):
    """The same under the other name that the runbook has for it."""

    @posted(
        {200: (ValidatedShape, "What the gateways said.")},
        "The same as validate-signal.",
        name="test_validate_test_signal",
        fields=VALIDATE_FIELDS,
        problems=TEST_PROBLEMS,
    )
    def post(self, request: Request) -> Response:
        return self.validated(request)


class DryRunOrder(TestView):
    fields = ORDER_FIELDS

    @posted(
        {200: (AssessedShape, "What the gateway said.")},
        "Takes an order through the gates of its account's own gateway, on the books as they are, "
        "and forgets it: allowed, or refused by which gate. Under a hold it is refused by the "
        "hold. Of paper accounts alone. Without a body: one lot of the first strategy.",
        name="test_dry_run_order",
        fields=ORDER_FIELDS,
        problems=TEST_PROBLEMS,
    )
    def post(self, request: Request) -> Response:
        actor, said = self.actor(request), self.said
        done = service.order_dry_run(
            strategy=said.text("strategy"), symbol=said.text("symbol"),
            side=Side(said.text("side") or Side.BUY), quantity=said.values.get("quantity"),
            limit_price=said.values.get("limit_price"), actor=actor, seen=self.sight.strategies,
        )  # fmt: skip
        return Response(AssessedShape(_assessed(done)).data)


def _assessed(one: Assessed) -> dict[str, Any]:
    tried: OrderTried = one.tried
    return {
        "strategy": one.strategy,
        "account": one.account,
        "symbol": one.symbol,
        "side": one.side,
        "quantity": one.quantity,
        "limit_price": one.limit_price,
        "allowed": not tried.code,
        "code": tried.code,
        "text": tried.text,
        "gates": tried.gates,
        "rules": tried.rules,
    }
