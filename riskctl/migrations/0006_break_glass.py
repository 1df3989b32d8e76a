"""Glass that one person may break: given by two, for named people and scopes, and for a while."""

import django.db.models.deletion
from django.db import migrations, models

LEAVE = """
CREATE FUNCTION riskctl_breakglass_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  asked riskctl_approval;
BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'break-glass %: what was given is kept', OLD.id;
  END IF;
  IF TG_OP = 'UPDATE' THEN
    IF (NEW.id, NEW.approval, NEW.people, NEW.scopes, NEW.since, NEW.until) IS DISTINCT FROM
       (OLD.id, OLD.approval, OLD.people, OLD.scopes, OLD.since, OLD.until)
       OR OLD.ended_at IS NOT NULL OR NEW.ended_at IS NULL OR NEW.ended_by = '' THEN
      RAISE EXCEPTION 'break-glass %: it can only be ended, once', OLD.id;
    END IF;
    RETURN NEW;
  END IF;
  SELECT * INTO asked FROM riskctl_approval WHERE id = NEW.approval;
  IF asked.id IS NULL OR asked.kind <> 'break-glass-enable' OR asked.state <> 'executed'
     OR asked.request -> 'people' IS DISTINCT FROM NEW.people
     OR asked.request -> 'scopes' IS DISTINCT FROM NEW.scopes THEN
    RAISE EXCEPTION 'break-glass %: two people give it, by an approval of its own', NEW.id;
  END IF;
  IF NEW.until <= NEW.since OR NEW.until > NEW.since + interval '12 hours'
     OR NEW.ended_at IS NOT NULL OR NEW.ended_by <> '' THEN
    RAISE EXCEPTION 'break-glass %: for twelve hours at most', NEW.id;
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER riskctl_breakglass_guard BEFORE INSERT OR UPDATE OR DELETE ON riskctl_breakglass
  FOR EACH ROW EXECUTE FUNCTION riskctl_breakglass_guard();
"""

USE = """
CREATE FUNCTION riskctl_breakglassuse_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  leave riskctl_breakglass;
  held riskctl_hold;
BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'break-glass use %: it is kept', OLD.id;
  END IF;
  IF TG_OP = 'UPDATE' THEN
    IF (NEW.id, NEW.leave_id, NEW.hold_id, NEW.person, NEW.reason, NEW.root_cause, NEW.rollback,
        NEW.size_factor, NEW.used_at, NEW.until) IS DISTINCT FROM
       (OLD.id, OLD.leave_id, OLD.hold_id, OLD.person, OLD.reason, OLD.root_cause, OLD.rollback,
        OLD.size_factor, OLD.used_at, OLD.until) OR OLD.verdict <> '' THEN
      RAISE EXCEPTION 'break-glass use %: it is reviewed once, and nothing else changes', OLD.id;
    END IF;
    IF NEW.verdict = 'kept' AND lower(NEW.reviewed_by) IN ('', lower(NEW.person)) THEN
      RAISE EXCEPTION 'break-glass use %: another person reviews it', OLD.id;
    END IF;
    IF NEW.verdict = 'kept' AND clock_timestamp() >= NEW.until THEN
      RAISE EXCEPTION 'break-glass use %: its time is over, the hold returns', OLD.id;
    END IF;
    IF (NEW.verdict = 'returned') <> (NEW.returned IS NOT NULL) THEN
      RAISE EXCEPTION 'break-glass use %: what returned is named, and nothing else', OLD.id;
    END IF;
    RETURN NEW;
  END IF;
  SELECT * INTO leave FROM riskctl_breakglass WHERE id = NEW.leave_id FOR SHARE;
  SELECT * INTO held FROM riskctl_hold WHERE id = NEW.hold_id;
  IF leave.ended_at IS NOT NULL OR clock_timestamp() NOT BETWEEN leave.since AND leave.until
     OR NOT leave.people ? NEW.person OR NOT leave.scopes ? held.scope THEN
    RAISE EXCEPTION 'break-glass use %: it was not given to % for % now', NEW.id, NEW.person,
      held.scope;
  END IF;
  IF held.kind <> 'kill' OR held.scope NOT LIKE 'strategy:%' THEN
    RAISE EXCEPTION 'break-glass use %: for the kill of one strategy only', NEW.id;
  END IF;
  IF NEW.verdict <> '' OR NEW.returned IS NOT NULL OR NEW.until <= NEW.used_at
     OR NEW.until > clock_timestamp() + interval '4 hours'
     OR NEW.size_factor <= 0 OR NEW.size_factor > 0.25 THEN
    RAISE EXCEPTION 'break-glass use %: for four hours, at a quarter of the size, at most', NEW.id;
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER riskctl_breakglassuse_guard
  BEFORE INSERT OR UPDATE OR DELETE ON riskctl_breakglassuse
  FOR EACH ROW EXECUTE FUNCTION riskctl_breakglassuse_guard();
"""

LIFT_HEAD = """
CREATE OR REPLACE FUNCTION riskctl_lift_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  the_kind text;
  asked riskctl_approval;
BEGIN
  SELECT kind INTO the_kind FROM riskctl_hold WHERE id = NEW.hold_id;
  IF the_kind NOT IN ('kill', 'regulatory') THEN
    RETURN NEW;
  END IF;
"""
ALONE = """
  IF the_kind = 'kill' AND NEW.approval IS NULL AND NEW.second = '' AND EXISTS (
       SELECT 1 FROM riskctl_breakglassuse u
       WHERE u.hold_id = NEW.hold_id AND u.person = NEW.lifted_by AND u.verdict = '') THEN
    RETURN NEW;
  END IF;
"""
LIFT_TAIL = """
  SELECT * INTO asked FROM riskctl_approval WHERE id = NEW.approval;
  IF asked.id IS NULL OR asked.kind <> 'hold-lift' OR asked.state <> 'executed'
     OR asked.subject <> 'hold:' || NEW.hold_id::text
     OR asked.decided_by <> NEW.lifted_by OR asked.requested_by <> NEW.second THEN
    RAISE EXCEPTION 'hold %: a % is lifted by two people, by an approval of their own',
      NEW.hold_id, the_kind;
  END IF;
  IF the_kind = 'regulatory' AND NOT (
       (asked.requester_roles ? 'compliance' AND asked.decider_roles ? 'risk')
       OR (asked.requester_roles ? 'risk' AND asked.decider_roles ? 'compliance')) THEN
    RAISE EXCEPTION 'hold %: a regulatory hold is lifted by compliance and risk', NEW.hold_id;
  END IF;
  RETURN NEW;
END
$$;
"""
DROP = """
DROP TRIGGER riskctl_breakglassuse_guard ON riskctl_breakglassuse;
DROP FUNCTION riskctl_breakglassuse_guard();
DROP TRIGGER riskctl_breakglass_guard ON riskctl_breakglass;
DROP FUNCTION riskctl_breakglass_guard();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("riskctl", "0005_approvals"),
    ]

    operations = [
        migrations.CreateModel(
            name="BreakGlass",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                (
                    "approval",
                    models.UUIDField(help_text="The request it was given by.", unique=True),
                ),
                ("people", models.JSONField(help_text="User names.")),
                (
                    "scopes",
                    models.JSONField(help_text="strategy:KEY each, never wider."),
                ),
                ("since", models.DateTimeField()),
                ("until", models.DateTimeField()),
                ("ended_by", models.CharField(blank=True, max_length=150)),
                ("ended_at", models.DateTimeField(null=True)),
            ],
            options={
                "ordering": ["-since"],
            },
        ),
        migrations.CreateModel(
            name="BreakGlassUse",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("person", models.CharField(max_length=150)),
                ("reason", models.TextField()),
                ("root_cause", models.TextField()),
                ("rollback", models.TextField()),
                ("size_factor", models.DecimalField(decimal_places=4, max_digits=5)),
                ("used_at", models.DateTimeField()),
                ("until", models.DateTimeField(help_text="Then the hold returns.")),
                (
                    "verdict",
                    models.CharField(
                        blank=True,
                        choices=[("", "Waited For"), ("kept", "Kept"), ("returned", "Returned")],
                        default="",
                        max_length=8,
                    ),
                ),
                ("reviewed_by", models.CharField(blank=True, max_length=150)),
                ("reviewed_at", models.DateTimeField(null=True)),
                ("review", models.TextField(blank=True)),
                (
                    "returned",
                    models.UUIDField(help_text="The hold that was placed again.", null=True),
                ),
                (
                    "hold",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="glass",
                        to="riskctl.hold",
                    ),
                ),
                (
                    "leave",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="uses",
                        to="riskctl.breakglass",
                    ),
                ),
            ],
            options={
                "ordering": ["-used_at"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("verdict", "")), fields=["until"], name="glass_waiting"
                    )
                ],
            },
        ),
        migrations.RunSQL(LEAVE + USE, DROP),
        migrations.RunSQL(LIFT_HEAD + ALONE + LIFT_TAIL, LIFT_HEAD + LIFT_TAIL),
    ]
