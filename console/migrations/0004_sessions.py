from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("console", "0003_factors"),
    ]

    operations: list[migrations.RunPython] = []
