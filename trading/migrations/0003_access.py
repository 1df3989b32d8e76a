from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("trading", "0002_holds"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="strategy",
            options={
                "ordering": ["key"],
                "permissions": [
                    ("pause_strategy", "Can pause strategy"),
                    ("resume_strategy", "Can resume strategy"),
                    ("resize_strategy", "Can resize strategy"),
                ],
                "verbose_name_plural": "strategies",
            },
        ),
        migrations.AddField(
            model_name="strategy",
            name="version",
            field=models.PositiveIntegerField(default=1, help_text="Grows when its size is set."),
        ),
    ]
