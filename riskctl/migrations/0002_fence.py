"""A function that ends a transaction whose process has lost its lease."""

from django.db import migrations

CREATE = """
CREATE FUNCTION riskctl_fence(the_lease text, the_holder text, the_token bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (
    SELECT 1 FROM riskctl_lease
    WHERE name = the_lease AND holder = the_holder AND token = the_token
  ) THEN
    RAISE EXCEPTION 'lease % is no longer held by % under token %',
      the_lease, the_holder, the_token USING ERRCODE = 'HL001';
  END IF;
END
$$;
"""


class Migration(migrations.Migration):
    dependencies = [("riskctl", "0001_initial")]
    operations = [
        migrations.RunSQL(CREATE, "DROP FUNCTION riskctl_fence(text, text, bigint)"),
    ]
