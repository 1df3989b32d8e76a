import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("console", "0003_factors"),
    ]

    operations = [
        migrations.CreateModel(
            name="RightsVersion",
            fields=[
                (
                    "person",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="rights_version",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("version", models.PositiveBigIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name="SessionRecord",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                (
                    "session_key",
                    models.CharField(blank=True, help_text="Empty once it ended.", max_length=40),
                ),
                ("started_at", models.DateTimeField()),
                ("seen_at", models.DateTimeField(help_text="Its last use, to the minute.")),
                ("factor_at", models.DateTimeField(null=True)),
                ("factor_kind", models.CharField(blank=True, max_length=20)),
                (
                    "address",
                    models.CharField(
                        blank=True, help_text="Where it was last used from.", max_length=64
                    ),
                ),
                ("user_agent", models.CharField(blank=True, max_length=200)),
                ("ended_at", models.DateTimeField(null=True)),
                ("ended_by", models.CharField(blank=True, max_length=150)),
                ("end_reason", models.CharField(blank=True, max_length=200)),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["person", "-started_at"], name="session_of_person"),
                    models.Index(fields=["session_key"], name="session_by_key"),
                ],
            },
        ),
    ]
