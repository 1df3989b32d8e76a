"""What the venue says it holds, and how that compares with our books."""

from django.db import models

from trading.models.base import Money
from trading.models.desk import VenueAccount


class VenueReading(models.Model):
    """What the venue said it holds for an account, asked by the gateway."""

    account = models.ForeignKey(VenueAccount, models.PROTECT)
    taken_at = models.DateTimeField()
    fill_sequence = models.BigIntegerField(help_text="Last fill that the reading includes.")
    positions = models.JSONField()
    open_orders = models.JSONField()
    balances = models.JSONField()

    class Meta:
        indexes = [models.Index(fields=["account", "-taken_at"], name="venue_reading_newest")]

    def __str__(self) -> str:
        return f"{self.account_id} at {self.taken_at}"


class BooksCheck(models.Model):
    """Positions recomputed from the fills by other code, and compared to ours and the venue's."""

    at = models.DateTimeField()
    agrees = models.BooleanField()
    fills = models.BigIntegerField()
    differences = models.JSONField(default=list)

    class Meta:
        get_latest_by = "at"

    def __str__(self) -> str:
        return f"{self.at}: {'agrees' if self.agrees else 'differs'}"


class Reconciliation(models.Model):
    """One comparison of a venue account with our books: positions, orders, fills, cash."""

    account = models.ForeignKey(VenueAccount, models.PROTECT)
    at = models.DateTimeField(help_text="When the venue's reading began.")
    agrees = models.BooleanField(help_text="No break at all.")
    compared = models.JSONField(help_text="How many of each were compared.")
    breaks = models.JSONField(default=list, help_text="Keys of the breaks found.")
    asked_by = models.CharField(max_length=150, help_text="schedule, or who asked")

    class Meta:
        indexes = [models.Index(fields=["account", "-at"], name="reconciliation_newest")]

    def __str__(self) -> str:
        return f"{self.account_id} at {self.at}: {'agrees' if self.agrees else 'breaks'}"


class Break(models.Model):
    """A difference between the venue and our books, from when it was first seen to its end."""

    class What(models.TextChoices):
        POSITION = "position"
        ORDER = "order"
        FILL = "fill"
        CASH = "cash"

    id = models.UUIDField(primary_key=True)
    account = models.ForeignKey(VenueAccount, models.PROTECT)
    what = models.CharField(max_length=8, choices=What)
    key = models.CharField(max_length=80, help_text="Symbol, order, fill or currency.")
    ours = models.TextField()
    theirs = models.TextField()
    value = Money(null=True, help_text="USD at the latest mid; None: it cannot be valued.")
    first_seen = models.DateTimeField()
    last_seen = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    accepted = models.UUIDField(null=True, help_text="The approval by which two people took it.")

    class Meta:
        ordering = ["-first_seen"]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "what", "key"],
                condition=models.Q(ended_at=None),
                name="break_open_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account_id} {self.what} {self.key}"
