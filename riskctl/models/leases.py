"""Leases with fencing tokens, limits in force, and the watchdog's heartbeat."""

from django.db import models


class Lease(models.Model):
    """Who may host a role now. ``token`` grows by one at every change of holder and never falls."""

    name = models.CharField(max_length=80, primary_key=True, help_text="e.g. gateway:paper-1")
    role = models.CharField(max_length=24)
    holder = models.CharField(max_length=120, blank=True, help_text="host:pid:start of the worker")
    token = models.BigIntegerField(default=0)
    expires_at = models.DateTimeField()
    renewed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(token__gte=0), name="lease_token_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} held by {self.holder or 'none'} (token {self.token})"


class Limit(models.Model):
    """One limit in force on one scope."""

    class Kind(models.TextChoices):
        ORDER_NOTIONAL = "order-notional"  # of one order, USD
        POSITION_NOTIONAL = "position-notional"  # of one strategy in one instrument, USD
        GROSS_NOTIONAL = "gross-notional"  # of the scope, open orders counted in full, USD
        OPEN_ORDERS = "open-orders"  # count
        ORDER_RATE = "order-rate"  # orders a second
        PRICE_COLLAR = "price-collar"  # distance from the mid, basis points

    scope = models.CharField(max_length=80, help_text="firm, account:NAME or strategy:KEY")
    kind = models.CharField(max_length=24, choices=Kind)
    value = models.DecimalField(max_digits=24, decimal_places=8)
    version = models.PositiveIntegerField(
        default=1, db_default=1, help_text="Grows with every change."
    )
    changed_by = models.CharField(max_length=150, blank=True, default="", db_default="")
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["scope", "kind"], name="limit_one_of_a_kind_per_scope"),
            models.CheckConstraint(condition=models.Q(value__gte=0), name="limit_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.scope} {self.kind} {self.value}"


class Heartbeat(models.Model):
    """The last sign of life of a process that licences depend on, by the database's clock."""

    name = models.CharField(max_length=40, primary_key=True)
    at = models.DateTimeField()
    token = models.BigIntegerField(default=0)
    beat = models.BigIntegerField(
        default=0, help_text="Counts up for ever: a lower one means an older copy of the database."
    )

    def __str__(self) -> str:
        return f"{self.name} at {self.at}"
