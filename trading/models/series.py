"""Series that pages draw."""

from django.db import models

from trading.models.base import Money
from trading.models.desk import Strategy


class PnlPoint(models.Model):
    """A strategy's PnL at a moment, USD; drawn as its line of the day.

    ``paper``: the part of it that was made on rehearsal accounts, since their books began. It is in
    the other figures only while the strategy is ``rehearsing``.
    """

    strategy = models.ForeignKey(Strategy, models.CASCADE)
    at = models.DateTimeField()
    feed_time = models.DateTimeField()
    realised = Money()
    unrealised = Money()
    fees = Money()
    gross = Money()
    net = Money()
    paper = Money(null=True, default=0, db_default=0, help_text="None where not known.")
    rehearsing = models.BooleanField(default=False, db_default=False)

    class Meta:
        indexes = [models.Index(fields=["strategy", "-at"], name="pnl_point_newest")]

    def __str__(self) -> str:
        return f"{self.strategy_id} at {self.at}"


class PricePoint(models.Model):
    """The mid of a traded symbol at a moment; drawn under a strategy's signals and fills."""

    symbol = models.CharField(max_length=24)
    at = models.DateTimeField()
    mid = Money()

    class Meta:
        indexes = [models.Index(fields=["symbol", "-at"], name="price_point_newest")]

    def __str__(self) -> str:
        return f"{self.symbol} {self.mid} at {self.at}"


class LatencyHistogram(models.Model):
    """Latencies of one instance of a stage over some ten minutes, by bucket of
    trading.histograms; the one that is being counted grows."""

    stage = models.CharField(max_length=40)
    instance = models.CharField(max_length=80)
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField()
    counts = models.JSONField(help_text="Bucket to how many.")
    total = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["stage", "instance", "began_at"], name="latency_histogram_once"
            )
        ]
        indexes = [models.Index(fields=["stage", "ended_at"], name="latency_histogram_newest")]

    def __str__(self) -> str:
        return f"{self.total} of {self.stage} {self.instance} from {self.began_at}"
