from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("trading", "0002_holds"),
    ]

    operations: list[migrations.RunPython] = []
