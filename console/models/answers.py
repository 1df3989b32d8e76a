"""Answers kept for Idempotency-Keys."""

from django.db import models
from rest_framework.utils.encoders import JSONEncoder


class KeptAnswer(models.Model):
    """What was answered under an Idempotency-Key, for a day."""

    caller = models.CharField(max_length=240)
    path = models.CharField(max_length=200)
    key = models.CharField(max_length=200)
    status = models.PositiveSmallIntegerField(default=0)
    body = models.JSONField(null=True, encoder=JSONEncoder)
    location = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["caller", "path", "key"], name="kept_answer_once"),
        ]

    def __str__(self) -> str:
        return f"{self.caller} {self.path} {self.key}"
