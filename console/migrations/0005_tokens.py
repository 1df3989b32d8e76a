from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("console", "0004_sessions"),
    ]

    operations: list[migrations.RunPython] = []
