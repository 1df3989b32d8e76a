"""Access reviews; and triggers that see every gain of privilege, by whatever path it came."""

import django.db.models.functions.datetime
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

# SECURITY DEFINER: whoever may write the watched table may not therefore write this one. ENABLE
# ALWAYS: they fire in sessions that replicate as well. ``explained by`` is an approval carried out
# in the same transaction for the same person and the same thing: one decided before it began is
# another transaction's.
WATCH = """
CREATE FUNCTION console_escalated(the_kind text, the_who text, the_what text, the_approval uuid)
RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT AS $$
  INSERT INTO console_escalation
    (happened_at, kind, who, what, path, approval, account, acknowledged_by, note)
  VALUES (
    clock_timestamp(), the_kind, left(the_who, 150), the_what,
    concat_ws(' ', session_user, nullif(current_setting('application_name', true), ''),
              host(inet_client_addr())),
    the_approval, '', '', '');
$$;

CREATE FUNCTION console_agreed(the_who text, wanted jsonb) RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT AS $$
  SELECT id FROM riskctl_approval
  WHERE kind = 'role-grant' AND subject = 'person:' || the_who AND request @> wanted
    AND state = 'executed' AND decided_at >= transaction_timestamp()
  ORDER BY decided_at DESC LIMIT 1;
$$;

CREATE FUNCTION console_username(the_user integer) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT AS $$
  SELECT coalesce((SELECT username FROM auth_user WHERE id = the_user), 'user ' || the_user);
$$;

CREATE FUNCTION console_permission(the_permission integer) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT AS $$
  SELECT c.app_label || '.' || p.codename
  FROM auth_permission p JOIN django_content_type c ON c.id = p.content_type_id
  WHERE p.id = the_permission;
$$;

CREATE FUNCTION console_watch_membership() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  the_role text;
  the_who text := console_username(NEW.user_id);
BEGIN
  SELECT name INTO the_role FROM auth_group WHERE id = NEW.group_id;
  PERFORM console_escalated('role', the_who, the_role,
    console_agreed(the_who, jsonb_build_object('grant', 'role', 'role', the_role)));
  RETURN NULL;
END
$$;

CREATE FUNCTION console_watch_group() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  IF NEW.name <> OLD.name THEN
    PERFORM console_escalated('role', 'group:' || OLD.name, 'all its people are now ' || NEW.name,
                              NULL);
  END IF;
  RETURN NULL;
END
$$;

CREATE FUNCTION console_watch_user() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  before auth_user;
BEGIN
  IF TG_OP = 'UPDATE' THEN
    before := OLD;
  END IF;
  IF NEW.is_superuser AND before.is_superuser IS NOT TRUE THEN
    PERFORM console_escalated('superuser', NEW.username, 'superuser', NULL);
  END IF;
  IF NEW.is_staff AND before.is_staff IS NOT TRUE THEN
    PERFORM console_escalated('staff', NEW.username, 'staff', NULL);
  END IF;
  IF TG_OP = 'UPDATE' THEN
    IF NEW.is_active AND NOT OLD.is_active THEN
      PERFORM console_escalated('enabled', NEW.username, 'may sign in again',
        console_agreed(NEW.username, jsonb_build_object('grant', 'enable')));
    END IF;
    IF NEW.username <> OLD.username THEN
      PERFORM console_escalated('name', NEW.username, 'was ' || OLD.username || ': owns what is '
        || NEW.username || '''s', NULL);
    END IF;
  END IF;
  RETURN NULL;
END
$$;

CREATE FUNCTION console_watch_permission() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  gain jsonb := to_jsonb(NEW);
  the_what text := console_permission(NEW.permission_id);
  the_who text;
BEGIN
  IF gain ? 'object_pk' THEN
    the_what := the_what || ' on ' || (gain ->> 'object_pk');
  END IF;
  IF gain ? 'user_id' THEN
    the_who := console_username((gain ->> 'user_id')::integer);
    PERFORM console_escalated('permission', the_who, the_what, CASE WHEN gain ? 'object_pk' THEN
      console_agreed(the_who, jsonb_build_object('grant', 'desk')) END);
  ELSE
    SELECT 'group:' || name INTO the_who FROM auth_group WHERE id = (gain ->> 'group_id')::integer;
    PERFORM console_escalated(
      CASE WHEN gain ? 'object_pk' THEN 'permission' ELSE 'role-permission' END,
      the_who, the_what, NULL);
  END IF;
  RETURN NULL;
END
$$;

CREATE FUNCTION console_watch_owner() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  IF NEW.owner <> OLD.owner THEN
    PERFORM console_escalated('owner', NEW.owner, 'owns ' || NEW.key || ', which was '
      || OLD.owner || '''s', NULL);
  END IF;
  RETURN NULL;
END
$$;

CREATE FUNCTION console_watch_token() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  the_who text := console_username(NEW.owner_id);
  gained text[] := NEW.scopes;
  agreed uuid;
  said text[] := '{}';
BEGIN
  IF TG_OP = 'INSERT' THEN
    gained := array_remove(gained, 'read');
    SELECT id INTO agreed FROM riskctl_approval
    WHERE id = NEW.approval AND kind = 'token-issue' AND state = 'executed'
      AND decided_at >= transaction_timestamp()
      AND subject = 'token:' || the_who || '/' || NEW.name
      AND to_jsonb(NEW.scopes) <@ (request -> 'scopes');
  ELSE
    SELECT coalesce(array_agg(one), '{}') INTO gained FROM unnest(NEW.scopes) AS one
    WHERE NOT one = ANY (OLD.scopes);
    IF NEW.owner_id <> OLD.owner_id THEN
      said := said || ('was ' || console_username(OLD.owner_id) || '''s');
    END IF;
    IF NEW.revoked_at IS NULL AND OLD.revoked_at IS NOT NULL THEN
      said := said || 'no longer revoked'::text;
    END IF;
    IF NEW.expires_at > OLD.expires_at THEN
      said := said || 'ends later'::text;
    END IF;
    IF NEW.networks <> OLD.networks AND cardinality(OLD.networks) > 0
       AND (cardinality(NEW.networks) = 0 OR NOT NEW.networks <@ OLD.networks) THEN
      said := said || 'from more networks'::text;
    END IF;
  END IF;
  IF cardinality(gained) > 0 THEN
    said := ('may ' || array_to_string(gained, ', ')) || said;
  END IF;
  IF cardinality(said) > 0 THEN
    PERFORM console_escalated('token', the_who,
      'token ' || NEW.name || ': ' || array_to_string(said, ', '), agreed);
  END IF;
  RETURN NULL;
END
$$;
"""
WATCHED = {
    # trigger: (table, when, function)
    "watch_membership": ("auth_user_groups", "INSERT OR UPDATE", "membership"),
    "watch_group": ("auth_group", "UPDATE", "group"),
    "watch_user": ("auth_user", "INSERT OR UPDATE", "user"),
    "watch_user_permission": ("auth_user_user_permissions", "INSERT OR UPDATE", "permission"),
    "watch_group_permission": ("auth_group_permissions", "INSERT OR UPDATE", "permission"),
    "watch_user_object": ("guardian_userobjectpermission", "INSERT OR UPDATE", "permission"),
    "watch_group_object": ("guardian_groupobjectpermission", "INSERT OR UPDATE", "permission"),
    "watch_owner": ("trading_strategy", "UPDATE", "owner"),
    "watch_token": ("console_apitoken", "INSERT OR UPDATE", "token"),
}
WATCH += "".join(
    f"CREATE TRIGGER {name} AFTER {when} ON {table} FOR EACH ROW"
    f" EXECUTE FUNCTION console_watch_{function}();\n"
    f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name};\n"
    for name, (table, when, function) in WATCHED.items()
)
UNWATCH = "".join(
    [
        *(f"DROP TRIGGER {name} ON {table};\n" for name, (table, _, _) in WATCHED.items()),
        *(
            f"DROP FUNCTION console_watch_{function}();\n"
            for function in sorted({one for _, _, one in WATCHED.values()})
        ),
        "DROP FUNCTION console_permission(integer);\n",
        "DROP FUNCTION console_username(integer);\n",
        "DROP FUNCTION console_agreed(text, jsonb);\n",
        "DROP FUNCTION console_escalated(text, text, text, uuid);\n",
    ]
)


class Migration(migrations.Migration):
    dependencies = [
        ("console", "0007_secrets"),
        ("riskctl", "0005_approvals"),
        ("trading", "0002_holds"),
        ("guardian", "0003_remove_groupobjectpermission_guardian_gr_content_ae6aec_idx_and_more"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        migrations.CreateModel(
            name="Escalation",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "happened_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("role", "Role"),
                            ("superuser", "Superuser"),
                            ("staff", "Staff"),
                            ("enabled", "Enabled"),
                            ("name", "Name"),
                            ("permission", "Permission"),
                            ("role-permission", "Role Permission"),
                            ("owner", "Owner"),
                            ("token", "Token"),
                        ],
                        max_length=16,
                    ),
                ),
                ("who", models.CharField(help_text="A person, or group:NAME.", max_length=150)),
                ("what", models.TextField(help_text="What was gained.")),
                (
                    "path",
                    models.TextField(
                        help_text="Role, program and address of the database session."
                    ),
                ),
                ("approval", models.UUIDField(null=True)),
                ("account", models.TextField(blank=True, help_text="What else accounts for it.")),
                (
                    "noticed_at",
                    models.DateTimeField(help_text="When it entered the record.", null=True),
                ),
                ("acknowledged_at", models.DateTimeField(null=True)),
                ("acknowledged_by", models.CharField(blank=True, max_length=150)),
                ("note", models.TextField(blank=True)),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="AccessReview",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("prepared_at", models.DateTimeField()),
                ("prepared_by", models.CharField(max_length=150)),
                ("report", models.JSONField()),
                (
                    "digest",
                    models.CharField(help_text="SHA-256 of the report, canonical.", max_length=64),
                ),
                (
                    "material",
                    models.CharField(
                        help_text="SHA-256 of who can do what, without times of use.", max_length=64
                    ),
                ),
                (
                    "approval",
                    models.UUIDField(help_text="The request by which two people sign.", null=True),
                ),
                ("signed_at", models.DateTimeField(null=True)),
                (
                    "signed_by",
                    models.CharField(blank=True, help_text="The second person.", max_length=150),
                ),
            ],
            options={
                "ordering": ["-prepared_at"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("signed_at", None),
                            models.Q(
                                models.Q(("signed_by", ""), _negated=True),
                                models.Q(("signed_by", models.F("prepared_by")), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="review_signed_by_two",
                    )
                ],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="accessreview",
            trigger=pgtrigger.compiler.Trigger(
                name="kept",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                    hash="582554cfd034625af2be34ab5f138e67771c18b1",
                    operation="DELETE",
                    pgid="pgtrigger_kept_18fb6",
                    table="console_accessreview",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="accessreview",
            trigger=pgtrigger.compiler.Trigger(
                name="said_once",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."digest" IS DISTINCT FROM (NEW."digest") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."material" IS DISTINCT FROM (NEW."material") OR OLD."prepared_at" IS DISTINCT FROM (NEW."prepared_at") OR OLD."prepared_by" IS DISTINCT FROM (NEW."prepared_by") OR OLD."report" IS DISTINCT FROM (NEW."report"))',
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="29d83f17fdb743f0e1c0c06e2865997d003d18b4",
                    operation="UPDATE",
                    pgid="pgtrigger_said_once_60749",
                    table="console_accessreview",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="accessreview",
            trigger=pgtrigger.compiler.Trigger(
                name="signed_once",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."signed_at" IS NOT NULL)',
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="2835e18d7d7fa9edd146ee7e7ad7e996967d8c96",
                    operation="UPDATE",
                    pgid="pgtrigger_signed_once_21c86",
                    table="console_accessreview",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="accessreview",
            trigger=pgtrigger.compiler.Trigger(
                name="no_truncate",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'append-only: rows of % are never removed', TG_TABLE_NAME;",
                    hash="934f3cc7f798f2a86a8dc63181c1bc01a672112c",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_no_truncate_8237e",
                    table="console_accessreview",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="escalation",
            index=models.Index(
                condition=models.Q(("acknowledged_at", None)),
                fields=["-id"],
                name="escalation_open",
            ),
        ),
        migrations.AddIndex(
            model_name="escalation",
            index=models.Index(
                condition=models.Q(("noticed_at", None)), fields=["id"], name="escalation_unnoticed"
            ),
        ),
        migrations.AddConstraint(
            model_name="escalation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("acknowledged_at", None),
                    models.Q(
                        models.Q(("acknowledged_by", ""), _negated=True),
                        models.Q(("acknowledged_by", models.F("who")), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="escalation_seen_by_another",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="escalation",
            trigger=pgtrigger.compiler.Trigger(
                name="kept",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                    hash="cc63148975c71084c93037aed76aa3cc6bd9d262",
                    operation="DELETE",
                    pgid="pgtrigger_kept_909ca",
                    table="console_escalation",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="escalation",
            trigger=pgtrigger.compiler.Trigger(
                name="said_once",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."approval" IS DISTINCT FROM (NEW."approval") OR OLD."happened_at" IS DISTINCT FROM (NEW."happened_at") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."kind" IS DISTINCT FROM (NEW."kind") OR OLD."path" IS DISTINCT FROM (NEW."path") OR OLD."what" IS DISTINCT FROM (NEW."what") OR OLD."who" IS DISTINCT FROM (NEW."who"))',
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="4ed1773eefc1ea74c69bcda5e6ffa2950a1972b4",
                    operation="UPDATE",
                    pgid="pgtrigger_said_once_3d5e8",
                    table="console_escalation",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="escalation",
            trigger=pgtrigger.compiler.Trigger(
                name="seen_once",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.acknowledged_at IS NOT NULL AND (OLD.acknowledged_at, OLD.acknowledged_by, OLD.note) IS DISTINCT FROM (NEW.acknowledged_at, NEW.acknowledged_by, NEW.note))",
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="21b92cecf09ee66c3d926d5a78ae198ce8535015",
                    operation="UPDATE",
                    pgid="pgtrigger_seen_once_a12d6",
                    table="console_escalation",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="escalation",
            trigger=pgtrigger.compiler.Trigger(
                name="no_truncate",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'append-only: rows of % are never removed', TG_TABLE_NAME;",
                    hash="c25664dd258ddbf0f43b64bbd81e6134cc20353d",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_no_truncate_851be",
                    table="console_escalation",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.RunSQL(WATCH, UNWATCH),
    ]
