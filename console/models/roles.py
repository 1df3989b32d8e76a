"""Desks. Roles are groups, kept in code (console.access.roles)."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from trading.models import Strategy


class Desk(models.Model):
    """People and strategies that belong together, and what its people may do with them.

    The object permissions that follow are django-guardian's (console.access.desks). Whoever owns
    a strategy may do all of it, on whatever desk.
    """

    class Right(models.TextChoices):
        VIEW = "view"
        PAUSE = "pause"
        RESUME = "resume"
        RESIZE = "resize"

    key = models.SlugField(primary_key=True)
    title = models.CharField(max_length=80)
    rights = ArrayField(
        models.CharField(max_length=8, choices=Right), help_text="Of its people; view always."
    )
    strategies = models.ManyToManyField(Strategy, blank=True, related_name="desks")
    people = models.ManyToManyField(settings.AUTH_USER_MODEL, blank=True, related_name="desks")

    class Meta:
        ordering = ["key"]

    def __str__(self) -> str:
        return self.title
