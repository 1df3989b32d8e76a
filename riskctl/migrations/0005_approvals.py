from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("riskctl", "0004_two_people"),
    ]

    operations: list[migrations.RunPython] = []
