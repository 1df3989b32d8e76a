import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("console", "0004_sessions"),
    ]

    operations = [
        migrations.AddField(
            model_name="apitoken",
            name="approval",
            field=models.UUIDField(help_text="The request by which two people agreed.", null=True),
        ),
        migrations.AddField(
            model_name="apitoken",
            name="collect_until",
            field=models.DateTimeField(help_text="While it waits to be collected.", null=True),
        ),
        migrations.AddField(
            model_name="apitoken",
            name="last_used_from",
            field=models.CharField(blank=True, max_length=64),
        ),
        migrations.AddField(
            model_name="apitoken",
            name="networks",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=43),
                default=list,
                help_text="CIDR; none: from anywhere.",
                size=None,
            ),
        ),
        migrations.AddField(
            model_name="apitoken",
            name="previous_digest",
            field=models.BinaryField(
                help_text="Of the token before the last rotation.",
                max_length=32,
                null=True,
                unique=True,
            ),
        ),
        migrations.AddField(
            model_name="apitoken",
            name="previous_until",
            field=models.DateTimeField(help_text="Until when that is still good.", null=True),
        ),
        migrations.AddField(
            model_name="apitoken",
            name="revoke_reason",
            field=models.TextField(blank=True),
        ),
        migrations.AddField(
            model_name="apitoken",
            name="revoked_by",
            field=models.CharField(blank=True, max_length=150),
        ),
        migrations.AddField(
            model_name="apitoken",
            name="version",
            field=models.PositiveIntegerField(default=0, help_text="How often it was rotated."),
        ),
        migrations.AlterField(
            model_name="apitoken",
            name="digest",
            field=models.BinaryField(
                help_text="SHA-256 of the token.", max_length=32, null=True, unique=True
            ),
        ),
        migrations.AlterField(
            model_name="apitoken",
            name="last_used_at",
            field=models.DateTimeField(help_text="To the minute.", null=True),
        ),
    ]
