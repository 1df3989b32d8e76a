"""Who asks for, and decides, what a TradingEngine document raises."""

from django.db import migrations

RULE = """
INSERT INTO console_approval_rule (kind, roles, needs)
VALUES ('engine-apply', ARRAY['trader', 'risk'], ARRAY['risk'])
"""


class Migration(migrations.Migration):
    dependencies = [
        ("console", "0010_saved_views"),
    ]

    operations = [
        migrations.RunSQL(RULE, migrations.RunSQL.noop),
    ]
