"""Who signs a gate off holds its role then, and did not sign the other one: kept by the database."""

from django.db import migrations

CHECK = """
CREATE FUNCTION console_sign_off_roles() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT NEW.gate = ANY (console_roles_held(NEW.signed_by)) THEN
    RAISE EXCEPTION 'sign-off: % does not hold the role %', NEW.signed_by, NEW.gate
      USING ERRCODE = 'HL002';
  END IF;
  IF EXISTS (
    SELECT FROM trading_signoff s WHERE s.name = NEW.name AND s.digest = NEW.digest
      AND s.gate <> NEW.gate AND lower(s.signed_by) = lower(NEW.signed_by)
      AND NOT EXISTS (SELECT FROM trading_signoffwithdrawal w WHERE w.sign_off_id = s.id)
  ) THEN
    RAISE EXCEPTION 'sign-off: % signed the other gate', NEW.signed_by USING ERRCODE = 'HL002';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER trading_signoff_roles BEFORE INSERT ON trading_signoff
  FOR EACH ROW EXECUTE FUNCTION console_sign_off_roles();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("console", "0011_engine_rule"),
        ("trading", "0011_gates"),
    ]

    operations = [
        migrations.RunSQL(
            CHECK,
            "DROP TRIGGER trading_signoff_roles ON trading_signoff;"
            " DROP FUNCTION console_sign_off_roles()",
        ),
    ]
