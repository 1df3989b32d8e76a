"""Stop-losses that people set on positions."""

from django.db import models
from django.db.models import functions

from trading.gateway.stoploss import StopState
from trading.messages import Side
from trading.models.base import Money, choices_of
from trading.models.desk import Strategy, VenueAccount


class StopLoss(models.Model):
    """The newest one of a position, written by its account's gateway as it follows it."""

    account = models.ForeignKey(VenueAccount, models.PROTECT)
    strategy = models.ForeignKey(Strategy, models.PROTECT)
    symbol = models.CharField(max_length=24)
    request = models.UUIDField(help_text="The call that set it.")
    side = models.CharField(
        max_length=4, choices=choices_of(Side), help_text="Of the order: a sell protects a long."
    )
    percentage = models.DecimalField(max_digits=6, decimal_places=2)
    mark = Money(help_text="The mid it was reckoned from.")
    stop_price = Money()
    quantity = Money(help_text="How much of the position it covers.")
    state = models.CharField(max_length=8, choices=choices_of(StopState))
    order_id = models.CharField(max_length=64, blank=True, help_text="Its newest order.")
    orders = models.PositiveIntegerField(help_text="How many orders there were.")
    why = models.TextField(blank=True)
    placed_by = models.CharField(max_length=150)
    reason = models.TextField(blank=True)
    set_at = models.DateTimeField()
    updated_at = models.DateTimeField(db_default=functions.Now())
    version = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "strategy", "symbol"], name="stop_loss_one_a_position"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.strategy_id} {self.symbol} {self.stop_price}: {self.state}"
