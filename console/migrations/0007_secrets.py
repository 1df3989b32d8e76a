from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("console", "0006_roles"),
    ]

    operations: list[migrations.RunPython] = []
