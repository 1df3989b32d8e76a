from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("riskctl", "0005_approvals"),
    ]

    operations: list[migrations.RunPython] = []
