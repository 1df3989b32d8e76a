"""From a signal to a position."""

import pgtrigger
from django.db import models
from django.db.models import functions

from audit.models import refuse_truncate
from trading.messages import OrderType, Side, TimeInForce
from trading.models.base import Money, choices_of
from trading.models.desk import Strategy, VenueAccount
from trading.orders.states import OrderState
from trading.strategies.outcomes import Outcome


class Signal(models.Model):
    """A strategy changed its mind about one symbol."""

    id = models.CharField(primary_key=True, max_length=40)
    strategy = models.ForeignKey(Strategy, models.PROTECT)
    symbol = models.CharField(max_length=24)
    direction = models.SmallIntegerField(help_text="-1 short, 0 flat, 1 long")
    score = models.FloatField(help_text="In units of the strategy's own threshold.")
    confidence = models.FloatField(help_text="0 to 1")
    horizon_s = models.FloatField()
    price = Money(help_text="Mid when it was made.")
    spread = Money(null=True, help_text="Ask less bid then: what acting on it costs.")
    feed_time = models.DateTimeField()
    created_at = models.DateTimeField()
    latency_us = models.BigIntegerField(help_text="Tick published to signal made.")
    outcome = models.CharField(
        max_length=8, blank=True, choices=choices_of(Outcome),
        help_text="Empty: its horizon has not passed, or it says out, which is no forecast.",
    )  # fmt: skip
    outcome_price = Money(null=True, help_text="Mid at its horizon; None: not known.")
    outcome_time = models.DateTimeField(null=True, help_text="Feed time of that quote.")

    class Meta:
        indexes = [models.Index(fields=["-created_at"], name="signal_newest")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(outcome__in=["", "unknown"])
                | models.Q(outcome__in=["hit", "miss", "flat"], outcome_price__isnull=False),
                name="signal_outcome_priced",
            ),
            models.CheckConstraint(
                condition=models.Q(direction__in=[-1, 0, 1]), name="signal_direction"
            ),
            models.CheckConstraint(
                condition=models.Q(confidence__gte=0, confidence__lte=1), name="signal_confidence"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.strategy_id} {self.symbol} {self.direction}"


class Order(models.Model):
    """One order intent and what became of it. Moves only by trading.orders.states."""

    client_order_id = models.CharField(primary_key=True, max_length=64)
    intent_id = models.CharField(max_length=64, unique=True)
    correlation_id = models.CharField(max_length=64, db_index=True)
    account = models.ForeignKey(VenueAccount, models.PROTECT)
    strategy = models.ForeignKey(
        Strategy, models.PROTECT, null=True, help_text="None: a position nobody's books hold."
    )
    symbol = models.CharField(max_length=24)
    side = models.CharField(max_length=4, choices=choices_of(Side))
    order_type = models.CharField(max_length=8, choices=choices_of(OrderType))
    time_in_force = models.CharField(max_length=4, choices=choices_of(TimeInForce))
    quantity = Money()
    limit_price = Money(null=True)
    stop_price = Money(null=True)
    reduce_only = models.BooleanField(
        default=False, help_text="The venue must refuse what would not reduce."
    )
    life_ms = models.PositiveIntegerField(
        default=0, db_default=0, help_text="A quote: taken back after this long. 0: it rests on."
    )
    post_only = models.BooleanField(
        default=False, db_default=False, help_text="Denied where it would trade at once."
    )
    expires_at = models.DateTimeField(
        null=True, help_text="Good till then: the venue ends what is left."
    )
    warrant = models.UUIDField(null=True, help_text="Ordered by a person, not by the strategy.")
    reference_price = Money(help_text="Mid the strategy saw.")
    state = models.CharField(max_length=20, choices=choices_of(OrderState))
    filled = Money(default=0)
    filled_value = Money(default=0, help_text="Sum of quantity times price of its fills.")
    fees = Money(default=0)
    venue_order_id = models.CharField(max_length=64, blank=True)
    reason_code = models.CharField(max_length=40, blank=True)
    reason = models.TextField(blank=True)
    shard = models.CharField(max_length=40)
    shard_token = models.BigIntegerField()
    tick_time = models.DateTimeField(help_text="Feed time of the tick it rests on.")
    not_after = models.DateTimeField(null=True, help_text="The venue must refuse it after this.")
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    tick_to_send_us = models.BigIntegerField(null=True)
    send_to_answer_us = models.BigIntegerField(null=True)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        indexes = [
            models.Index(fields=["-created_at", "client_order_id"], name="order_newest"),
            models.Index(
                fields=["account"],
                name="order_open",
                condition=models.Q(
                    state__in=[
                        "pending", "working", "partially-filled", "cancel-pending", "unknown",
                    ]
                ),
            ),
        ]  # fmt: skip
        constraints = [
            models.CheckConstraint(
                condition=models.Q(filled__gte=0, filled__lte=models.F("quantity")),
                name="order_not_overfilled",
            ),
            models.CheckConstraint(
                condition=models.Q(quantity__gt=0), name="order_quantity_positive"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.client_order_id} {self.side} {self.quantity} {self.symbol}: {self.state}"


class Fill(models.Model):
    """One execution, applied once. ``order`` is empty for a fill that nobody ordered."""

    account = models.ForeignKey(VenueAccount, models.PROTECT)
    venue_fill_id = models.CharField(max_length=64)
    sequence = models.BigIntegerField(help_text="The venue's number, without a gap per account.")
    order = models.ForeignKey(Order, models.PROTECT, null=True)
    strategy = models.ForeignKey(Strategy, models.PROTECT, null=True)
    symbol = models.CharField(max_length=24)
    side = models.CharField(max_length=4, choices=choices_of(Side))
    quantity = Money()
    price = Money()
    fee = Money()
    fee_currency = models.CharField(max_length=8)
    venue_time = models.DateTimeField()
    feed_time = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=functions.Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "venue_fill_id"], name="fill_once"),
            models.UniqueConstraint(fields=["account", "sequence"], name="fill_sequence_once"),
            models.CheckConstraint(
                condition=models.Q(quantity__gt=0), name="fill_quantity_positive"
            ),
        ]
        indexes = [models.Index(fields=["-recorded_at", "-id"], name="fill_newest")]
        triggers = [
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
            refuse_truncate(),
        ]

    def __str__(self) -> str:
        return f"{self.account_id} #{self.sequence} {self.side} {self.quantity} {self.symbol}"


class Position(models.Model):
    """Running position of one strategy in one symbol, written with each fill.

    ``cost`` is the signed cost of what is open (quantity times price times multiplier);
    average price is cost / (quantity * multiplier). Instrument currency throughout.
    """

    account = models.ForeignKey(VenueAccount, models.PROTECT)
    strategy = models.ForeignKey(Strategy, models.PROTECT)
    symbol = models.CharField(max_length=24)
    quantity = Money(default=0)
    cost = Money(default=0)
    realised = Money(default=0, help_text="Before fees.")
    fees = Money(default=0)
    turnover = Money(default=0, help_text="Sum of absolute traded value.")
    fills = models.PositiveIntegerField(default=0)
    last_sequence = models.BigIntegerField(default=0)
    updated_at = models.DateTimeField(db_default=functions.Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "strategy", "symbol"], name="position_one_per_strategy_symbol"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.strategy_id} {self.quantity} {self.symbol}"
