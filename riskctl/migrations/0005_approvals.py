from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("riskctl", "0004_two_people"),
    ]

    operations = [
        migrations.AddField(
            model_name="limit",
            name="version",
            field=models.PositiveIntegerField(
                db_default=1, default=1, help_text="Grows with every change."
            ),
        ),
        migrations.AddField(
            model_name="limit",
            name="changed_by",
            field=models.CharField(blank=True, db_default="", default="", max_length=150),
        ),
        migrations.AddIndex(
            model_name="approval",
            index=models.Index(
                condition=models.Q(("state", "pending")),
                fields=["requested_at"],
                name="approval_waiting",
            ),
        ),
    ]
