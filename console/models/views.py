"""Searches of the record that somebody keeps."""

from django.conf import settings
from django.db import models


class SavedView(models.Model):
    """A name for the query of an address, of one person and for no one else."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=1500)
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["owner", "name"], name="saved_view_once_a_name"),
        ]

    def __str__(self) -> str:
        return self.name
