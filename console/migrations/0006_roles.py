from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("console", "0005_tokens"),
    ]

    operations: list[migrations.RunPython] = []
