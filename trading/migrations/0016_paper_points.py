from django.db import migrations, models

import trading.models.base


class Migration(migrations.Migration):
    dependencies = [
        ("trading", "0015_latency_histograms"),
    ]

    operations = [
        migrations.AddField(
            model_name="pnlpoint",
            name="paper",
            field=trading.models.base.Money(
                db_default=0,
                decimal_places=12,
                default=0,
                help_text="None where not known.",
                max_digits=36,
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="pnlpoint",
            name="rehearsing",
            field=models.BooleanField(db_default=False, default=False),
        ),
    ]
