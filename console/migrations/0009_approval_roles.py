"""The roles of both people, checked by the database at the moment a request is carried out.

Whoever asked and whoever decides must be able to sign in and hold the role then: their rows are
locked until the transaction ends, so a role that is taken away counts before or after, never
during. It lies here because riskctl knows no tables of people.
"""

from django.db import migrations

T, R, S, C, A = "trader", "risk", "sre", "compliance", "administrator"
RULES = {
    # kind: (who may ask and decide, of whom one must be of the two)
    "hold-lift": ((T, R, S, C), (R,)),
    "stage-promote": ((T, R, S), (R,)),
    "limit-raise": ((T, R), (R,)),
    "trigger-relax": ((R, S), (R,)),
    "triggers-shadow": ((R, S), (R,)),
    "break-accept": ((T, R, S, C), (R,)),
    "factor-reset": ((A,), (A,)),
    "token-issue": ((T, R, S, C, A), (R, C, A)),
    "role-grant": ((A, R, C), (A,)),
    "size-raise": ((T, R), (R,)),
    "break-glass-enable": ((R, C, A), (R,)),
    "access-review": ((R, C, A), (C,)),
}

ROLES = """
CREATE TABLE console_approval_rule (
  kind text PRIMARY KEY,
  roles text[] NOT NULL CHECK (cardinality(roles) > 0),
  needs text[] NOT NULL
);
CREATE FUNCTION console_approval_rule_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'console_approval_rule: rules are changed by a migration only';
END
$$;

CREATE FUNCTION console_roles_held(person text) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
  the_user auth_user.id%TYPE;
  held text[];
BEGIN
  SELECT id INTO the_user FROM auth_user WHERE username = person AND is_active AND NOT is_superuser FOR SHARE;
  IF the_user IS NULL THEN
    RETURN '{}';
  END IF;
  SELECT coalesce(array_agg(g.name::text), '{}') INTO held
  FROM (SELECT group_id FROM auth_user_groups WHERE user_id = the_user FOR SHARE) AS m
  JOIN auth_group g ON g.id = m.group_id;
  RETURN held;
END
$$;

CREATE FUNCTION console_roles_both(person text, said jsonb) RETURNS text[] LANGUAGE sql AS $$
  -- Said and held: a role gained since asking counts as little as one that was lost.
  SELECT coalesce(array_agg(one), '{}') FROM unnest(console_roles_held(person)) AS one
  WHERE said ? one
$$;

CREATE FUNCTION console_approval_roles() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  rule console_approval_rule;
  asks text[];
  decides text[];
BEGIN
  IF NEW.state <> 'executed' OR OLD.state = 'executed' THEN
    RETURN NEW;
  END IF;
  SELECT * INTO rule FROM console_approval_rule WHERE kind = NEW.kind;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'approval %: no rule says who decides a %', OLD.id, NEW.kind
      USING ERRCODE = 'HL002';
  END IF;
  IF clock_timestamp() >= NEW.expires_at THEN
    RAISE EXCEPTION 'approval %: it has expired', OLD.id USING ERRCODE = 'HL002';
  END IF;
  asks := console_roles_both(NEW.requested_by, NEW.requester_roles);
  decides := console_roles_both(NEW.decided_by, NEW.decider_roles);
  IF NOT asks && rule.roles THEN
    RAISE EXCEPTION 'approval %: % does not hold a role to ask for it any more',
      OLD.id, NEW.requested_by USING ERRCODE = 'HL002';
  END IF;
  IF NOT decides && rule.roles THEN
    RAISE EXCEPTION 'approval %: % does not hold a role to decide it', OLD.id, NEW.decided_by
      USING ERRCODE = 'HL002';
  END IF;
  IF cardinality(rule.needs) > 0 AND NOT (asks || decides) && rule.needs THEN
    RAISE EXCEPTION 'approval %: one of the two must be %', OLD.id,
      array_to_string(rule.needs, ' or ') USING ERRCODE = 'HL002';
  END IF;
  RETURN NEW;
END
$$;
-- Named to fire after riskctl_approval_guard: BEFORE triggers go by name.
CREATE TRIGGER riskctl_approval_roles BEFORE UPDATE ON riskctl_approval
  FOR EACH ROW EXECUTE FUNCTION console_approval_roles();

CREATE FUNCTION console_lift_roles() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  the_kind text;
  one text[];
  other text[];
BEGIN
  SELECT kind INTO the_kind FROM riskctl_hold WHERE id = NEW.hold_id;
  IF the_kind NOT IN ('kill', 'regulatory') THEN
    RETURN NEW;
  END IF;
  one := console_roles_held(NEW.lifted_by);
  other := console_roles_held(NEW.second);
  IF the_kind = 'kill' AND NOT 'risk' = ANY (one || other) THEN
    RAISE EXCEPTION 'hold %: no kill is lifted without risk', NEW.hold_id USING ERRCODE = 'HL002';
  END IF;
  IF the_kind = 'regulatory' AND NOT (
       ('risk' = ANY (one) AND 'compliance' = ANY (other))
       OR ('compliance' = ANY (one) AND 'risk' = ANY (other))) THEN
    RAISE EXCEPTION 'hold %: a regulatory hold is lifted by compliance and risk', NEW.hold_id
      USING ERRCODE = 'HL002';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER riskctl_lift_roles BEFORE INSERT ON riskctl_holdlift
  FOR EACH ROW EXECUTE FUNCTION console_lift_roles();

CREATE FUNCTION console_glass_roles() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' AND NOT 'risk' = ANY (console_roles_held(NEW.person)) THEN
    RAISE EXCEPTION 'break-glass use %: % does not hold the role risk', NEW.id, NEW.person
      USING ERRCODE = 'HL002';
  END IF;
  IF NEW.verdict = 'kept'
     AND NOT console_roles_held(NEW.reviewed_by) && ARRAY['risk', 'sre', 'compliance'] THEN
    RAISE EXCEPTION 'break-glass use %: % holds no role to review it', NEW.id, NEW.reviewed_by
      USING ERRCODE = 'HL002';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER riskctl_breakglassuse_roles BEFORE INSERT OR UPDATE ON riskctl_breakglassuse
  FOR EACH ROW EXECUTE FUNCTION console_glass_roles();
"""

KEPT = """
CREATE TRIGGER console_approval_rule_kept BEFORE UPDATE OR DELETE ON console_approval_rule
  FOR EACH ROW EXECUTE FUNCTION console_approval_rule_kept();
CREATE TRIGGER console_approval_rule_kept_whole BEFORE TRUNCATE ON console_approval_rule
  FOR EACH STATEMENT EXECUTE FUNCTION console_approval_rule_kept();
"""

DROP = """
DROP TRIGGER riskctl_breakglassuse_roles ON riskctl_breakglassuse;
DROP FUNCTION console_glass_roles();
DROP TRIGGER riskctl_lift_roles ON riskctl_holdlift;
DROP FUNCTION console_lift_roles();
DROP TRIGGER riskctl_approval_roles ON riskctl_approval;
DROP FUNCTION console_approval_roles();
DROP FUNCTION console_roles_both(text, jsonb);
DROP FUNCTION console_roles_held(text);
DROP TABLE console_approval_rule;
DROP FUNCTION console_approval_rule_kept();
"""


def rules_lay(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO console_approval_rule (kind, roles, needs) VALUES (%s, %s, %s)",
            [(kind, list(roles), list(needs)) for kind, (roles, needs) in RULES.items()],
        )


class Migration(migrations.Migration):
    dependencies = [
        ("console", "0008_review"),
        ("riskctl", "0006_break_glass"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        migrations.RunSQL(ROLES, DROP),
        migrations.RunPython(rules_lay, migrations.RunPython.noop),
        migrations.RunSQL(KEPT, migrations.RunSQL.noop),
    ]
