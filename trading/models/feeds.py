"""What feeds told us."""

from django.db import models


class FeedSession(models.Model):
    """One run of a feed: what it read, what it passed on and what it refused, by reason."""

    id = models.UUIDField(primary_key=True)
    spec = models.TextField(help_text="As given in FEED.")
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    state = models.JSONField(default=dict, help_text="As under hl:feed:state; saved every second.")

    class Meta:
        get_latest_by = "started_at"

    def __str__(self) -> str:
        return f"{self.spec} from {self.started_at}"


class FeedReject(models.Model):
    """A refused line or quote, kept as an example (at most 1,000 per session and reason)."""

    session = models.ForeignKey(FeedSession, models.CASCADE)
    source = models.CharField(max_length=200)
    line = models.BigIntegerField()
    symbol = models.CharField(max_length=24, blank=True)
    reason = models.CharField(max_length=24)
    detail = models.TextField()

    def __str__(self) -> str:
        return f"{self.source} line {self.line}: {self.reason}"
