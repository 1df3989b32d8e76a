"""What the venue says it holds, and how that compares with our books."""

import pgtrigger
from django.db import models

from audit.models import refuse_truncate
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


class CashMovement(models.Model):
    """Cash that moved at a venue without an execution, as its own log tells: funding, a transfer,
    interest, or a fee that was counted otherwise. No figure of PnL has it in."""

    account = models.ForeignKey(VenueAccount, models.PROTECT)
    log_id = models.BigIntegerField(help_text="The venue's number of it.")
    at = models.DateTimeField(help_text="By the venue's clock.")
    kind = models.CharField(max_length=40)
    currency = models.CharField(max_length=12)
    amount = Money(help_text="Signed: what came is above zero.")
    symbol = models.CharField(max_length=24, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "log_id", "kind"], name="cash_movement_once"
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
            refuse_truncate(),
        ]

    def __str__(self) -> str:
        return f"{self.account_id} {self.kind} {self.amount} {self.currency}"


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
