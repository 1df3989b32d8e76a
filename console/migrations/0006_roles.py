import django.contrib.postgres.fields
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("console", "0005_tokens"),
        ("trading", "0003_access"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Desk",
            fields=[
                ("key", models.SlugField(primary_key=True, serialize=False)),
                ("title", models.CharField(max_length=80)),
                (
                    "rights",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(
                            choices=[
                                ("view", "View"),
                                ("pause", "Pause"),
                                ("resume", "Resume"),
                                ("resize", "Resize"),
                            ],
                            max_length=8,
                        ),
                        help_text="Of its people; view always.",
                        size=None,
                    ),
                ),
                (
                    "people",
                    models.ManyToManyField(
                        blank=True, related_name="desks", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "strategies",
                    models.ManyToManyField(blank=True, related_name="desks", to="trading.strategy"),
                ),
            ],
            options={
                "ordering": ["key"],
            },
        ),
    ]
