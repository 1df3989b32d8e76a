"""TradingEngine documents, their backtests and their alerts."""

from django.db import models
from django.db.models import functions

from audit.models import append_only


class EngineVersion(models.Model):
    """One TradingEngine document as it was given, for the strategy of its name. Never changed."""

    name = models.SlugField(help_text="metadata.name: the strategy's key, made or to be made.")
    number = models.PositiveIntegerField(help_text="Counts from 1 for each name.")
    text = models.TextField(help_text="YAML, as given.")
    document = models.JSONField(help_text="The same as JSON.")
    digest = models.CharField(max_length=64, help_text="SHA-256 of what the document says.")
    made_by = models.CharField(max_length=150)
    reason = models.TextField(blank=True)
    made_at = models.DateTimeField(db_default=functions.Now())

    class Meta:
        ordering = ["name", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["name", "number"], name="engine_version_once"),
        ]
        triggers = append_only()

    def __str__(self) -> str:
        return f"{self.name} version {self.number}"


class BacktestReport(models.Model):
    """What one backtest came to, bound to document, data, costs and code. Never changed."""

    digest = models.CharField(max_length=64, unique=True, help_text="SHA-256 of all it rests on.")
    name = models.SlugField(help_text="metadata.name of the document.")
    document = models.CharField(max_length=64, help_text="As EngineVersion.digest.")
    first_day = models.DateField()
    last_day = models.DateField()
    body = models.JSONField(help_text="What it rests on, and its figures.")
    made_by = models.CharField(max_length=150)
    reason = models.TextField(blank=True)
    made_at = models.DateTimeField(db_default=functions.Now())

    class Meta:
        indexes = [models.Index(fields=["name", "-made_at"], name="backtest_newest")]
        triggers = append_only()

    def __str__(self) -> str:
        return f"{self.name}, {self.first_day} to {self.last_day}"


class EngineAlert(models.Model):
    """An alert of a document, from when its condition was first true to when it was not."""

    id = models.UUIDField(primary_key=True)
    engine = models.SlugField()
    alert = models.CharField(max_length=300, help_text="Its name in the document.")
    severity = models.CharField(max_length=8)
    condition = models.TextField()
    version = models.PositiveIntegerField(help_text="Of the document it was begun by.")
    values = models.JSONField(help_text="Of the names in its condition, when it began.")
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["-began_at", "id"], name="engine_alert_newest")]
        constraints = [
            models.UniqueConstraint(
                fields=["engine", "alert"], condition=models.Q(ended_at=None),
                name="engine_alert_open_once",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.engine} {self.alert}"
