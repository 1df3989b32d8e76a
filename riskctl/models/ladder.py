"""On which rung of the restart ladder a strategy stands."""

from django.db import models


class Stage(models.Model):
    """A strategy without a row may not trade: unknown means closed."""

    class Rung(models.TextChoices):
        STOPPED = "stopped"
        MONITOR = "monitor"
        PAPER = "paper"
        RAMP = "ramp"
        LIVE = "live"

    strategy = models.CharField(max_length=60, primary_key=True)
    rung = models.CharField(max_length=8, choices=Rung)
    size_factor = models.DecimalField(max_digits=5, decimal_places=4, default=1)
    since = models.DateTimeField()
    entered_by = models.CharField(max_length=150)
    reason = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(size_factor__gt=0, size_factor__lte=1),
                name="stage_factor_between_0_and_1",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.strategy}: {self.rung}"
