import django.contrib.postgres.fields
import rest_framework.utils.encoders
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("console", "0001_initial"),
    ]

    operations = [
        migrations.AlterField(
            model_name="apitoken",
            name="scopes",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(
                    choices=[
                        ("read", "Read"),
                        ("stop", "Stop"),
                        ("flatten", "Flatten"),
                        ("trade-test", "Trade Test"),
                        ("export", "Export"),
                    ],
                    max_length=16,
                ),
                size=None,
            ),
        ),
        migrations.CreateModel(
            name="KeptAnswer",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("caller", models.CharField(max_length=240)),
                ("path", models.CharField(max_length=200)),
                ("key", models.CharField(max_length=200)),
                ("status", models.PositiveSmallIntegerField(default=0)),
                (
                    "body",
                    models.JSONField(encoder=rest_framework.utils.encoders.JSONEncoder, null=True),
                ),
                ("location", models.CharField(blank=True, max_length=200)),
                ("created_at", models.DateTimeField(auto_now_add=True, db_index=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("caller", "path", "key"), name="kept_answer_once"
                    )
                ],
            },
        ),
    ]
