from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("console", "0008_review"),
    ]

    operations: list[migrations.RunPython] = []
