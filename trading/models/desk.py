"""Who trades what, and where: venue accounts and strategies."""

from django.db import models

from trading.models.base import Money


class VenueAccount(models.Model):
    """One account at one venue. Its credentials are not here: only its gateway can read them."""

    name = models.SlugField(primary_key=True)
    venue = models.CharField(max_length=40, help_text="Name of the venue, as people know it.")
    adapter = models.CharField(
        max_length=120, help_text="Dotted path of its trading.venues.base.Venue."
    )
    address = models.CharField(max_length=200, help_text="host:port")
    live = models.BooleanField(default=False, help_text="Orders reach a real venue.")
    margin = models.BooleanField(
        default=True, db_default=True,
        help_text="It may owe and be short; else it is a cash account.",
    )  # fmt: skip
    rehearsal = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True,
        help_text="Paper account on which its strategies climb the rung 'paper'.",
    )  # fmt: skip

    def __str__(self) -> str:
        return self.name


class Strategy(models.Model):
    """One strategy of one trader, trading some symbols on one venue account."""

    class Kind(models.TextChoices):
        MOMENTUM = "momentum"
        MEAN_REVERSION = "mean-reversion"
        MARKET_MAKING = "market-making"
        ARBITRAGE = "arbitrage"

    key = models.SlugField(primary_key=True)
    kind = models.CharField(max_length=24, choices=Kind)
    owner = models.CharField(max_length=150, help_text="User name of the trader.")
    account = models.ForeignKey(VenueAccount, models.PROTECT)
    second_account = models.ForeignKey(
        VenueAccount, models.PROTECT, null=True, blank=True, related_name="+",
        help_text="Of arbitrage: where its second symbol is traded. None: where the first is.",
    )  # fmt: skip
    symbols = models.JSONField(help_text="List of symbols.")
    parameters = models.JSONField(default=dict, help_text="Read by trading.strategies.parameters.")
    size_notional = Money(help_text="Target position per symbol when a signal is on, USD.")
    shard = models.PositiveSmallIntegerField(default=0)
    version = models.PositiveIntegerField(default=1, help_text="Grows when its size is set.")

    class Meta:
        ordering = ["key"]
        verbose_name_plural = "strategies"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(second_account=None)
                | models.Q(kind="arbitrage") & ~models.Q(second_account=models.F("account")),
                name="strategy_second_account",
            ),
        ]
        permissions = [
            ("pause_strategy", "Can pause strategy"),
            ("resume_strategy", "Can resume strategy"),
            ("resize_strategy", "Can resize strategy"),
        ]

    def __str__(self) -> str:
        return self.key

    @property
    def accounts(self) -> list[VenueAccount]:
        """Those it trades on, that of its first symbol first."""
        return (
            [self.account] if self.second_account is None else [self.account, self.second_account]
        )

    @property
    def account_ids(self) -> list[str]:
        second = self.second_account_id
        return [self.account_id] if second is None else [self.account_id, second]

    @property
    def rehearsal_ids(self) -> list[str]:
        """Where it rehearses on the rung paper; none when an account of its has no rehearsal."""
        found = [one.rehearsal_id for one in self.accounts]
        return [one for one in dict.fromkeys(found) if one] if all(found) else []
