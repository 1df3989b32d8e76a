from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("console", "0002_brakes"),
    ]

    operations: list[migrations.RunPython] = []
