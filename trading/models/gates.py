"""What the gates to real money rest on: paper days, sign-offs, drills. Nothing is ever changed."""

from django.db import models
from django.db.models import functions

from audit.models import append_only
from trading.models.base import Money
from trading.models.desk import VenueAccount


class PaperDay(models.Model):
    """One UTC day on which a strategy stood on the rung paper, as it was judged afterwards."""

    name = models.SlugField(help_text="The strategy.")
    day = models.DateField()
    digest = models.CharField(max_length=64, help_text="Of how the document trades, at its end.")
    counts = models.BooleanField(help_text="It goes towards the days that are needed.")
    why = models.TextField(blank=True, help_text="Why it does not count.")
    orders = models.PositiveIntegerField(help_text="That left for the rehearsal account.")
    pnl = Money(help_text="USD after fees, of the rehearsal account; 0 where not known.")
    high = Money(help_text="Highest of the day's equity above its beginning, USD.")
    low = Money(help_text="Lowest of the day's equity below its beginning, USD, 0 or below.")
    drawdown = Money(help_text="Deepest fall within the day, USD.")
    capital = Money(null=True, help_text="Its gross-notional limit then, USD.")
    judged_at = models.DateTimeField(db_default=functions.Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["name", "day"], name="paper_day_once")]
        triggers = append_only()

    def __str__(self) -> str:
        return f"{self.name} on {self.day}"


class SignOff(models.Model):
    """One person's word for one gate, bound to how the document trades and what was shown."""

    class Gate(models.TextChoices):
        RISK = "risk"
        COMPLIANCE = "compliance"

    id = models.UUIDField(primary_key=True)
    name = models.SlugField(help_text="The strategy.")
    gate = models.CharField(max_length=10, choices=Gate)
    digest = models.CharField(max_length=64, help_text="Of how the document trades.")
    shown = models.CharField(max_length=64, help_text="SHA-256 of the evidence that was shown.")
    evidence = models.JSONField(help_text="Digests of reports, and the paper days.")
    accepts_latency = models.BooleanField(
        default=False, help_text="That its target latency is not reachable on this machine."
    )
    signed_by = models.CharField(max_length=150)
    reason = models.TextField()
    signed_at = models.DateTimeField(db_default=functions.Now())

    class Meta:
        indexes = [models.Index(fields=["name", "-signed_at"], name="sign_off_newest")]
        triggers = append_only()

    def __str__(self) -> str:
        return f"{self.gate} of {self.name} by {self.signed_by}"


class SignOffWithdrawal(models.Model):
    """The end of one sign-off."""

    sign_off = models.OneToOneField(
        SignOff, models.PROTECT, primary_key=True, related_name="withdrawal"
    )
    withdrawn_by = models.CharField(max_length=150)
    reason = models.TextField()
    withdrawn_at = models.DateTimeField(db_default=functions.Now())

    class Meta:
        triggers = append_only()

    def __str__(self) -> str:
        return f"{self.sign_off_id} withdrawn by {self.withdrawn_by}"


class Drill(models.Model):
    """A stop that was rehearsed and proven without a flaw."""

    class Kind(models.TextChoices):
        KILL = "kill"

    kind = models.CharField(max_length=8, choices=Kind)
    digest = models.CharField(max_length=64, unique=True, help_text="SHA-256 of what it rests on.")
    account = models.ForeignKey(VenueAccount, models.PROTECT, help_text="Where it was rehearsed.")
    body = models.JSONField(help_text="What it rests on: the hold, its proofs, the reconciliation.")
    happened_at = models.DateTimeField(help_text="When the stop was placed.")
    made_by = models.CharField(max_length=150)
    reason = models.TextField(blank=True)
    made_at = models.DateTimeField(db_default=functions.Now())

    class Meta:
        indexes = [models.Index(fields=["account", "-happened_at"], name="drill_newest")]
        triggers = append_only()

    def __str__(self) -> str:
        return f"{self.kind} on {self.account_id} at {self.happened_at}"
