from django.db import migrations, models

import trading.models


class Migration(migrations.Migration):
    dependencies = [
        ("trading", "0003_access"),
    ]

    operations = [
        migrations.CreateModel(
            name="PricePoint",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("symbol", models.CharField(max_length=24)),
                ("at", models.DateTimeField()),
                ("mid", trading.models.Money()),
            ],
            options={
                "indexes": [models.Index(fields=["symbol", "-at"], name="price_point_newest")],
            },
        ),
    ]
