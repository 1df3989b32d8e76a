"""Two people, in the database as well: who decided what, once, and which lifts take an approval."""

from django.db import migrations

APPROVAL = """
CREATE FUNCTION riskctl_approval_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'approval %: requests are kept', OLD.id;
  END IF;
  IF TG_OP = 'INSERT' THEN
    IF NEW.state <> 'pending' OR NEW.decided_by <> '' OR NEW.decided_at IS NOT NULL
       OR NEW.result IS NOT NULL THEN
      RAISE EXCEPTION 'approval %: a request begins undecided', NEW.id;
    END IF;
    IF NEW.requested_by = '' OR NEW.digest !~ '^[0-9a-f]{64}$'
       OR NEW.expires_at <= NEW.requested_at THEN
      RAISE EXCEPTION 'approval %: a request has a person, a digest and an end', NEW.id;
    END IF;
    RETURN NEW;
  END IF;
  IF (NEW.id, NEW.kind, NEW.subject, NEW.request, NEW.asked_in, NEW.digest, NEW.reason,
      NEW.requested_by, NEW.requester_roles, NEW.requested_at, NEW.expires_at)
     IS DISTINCT FROM
     (OLD.id, OLD.kind, OLD.subject, OLD.request, OLD.asked_in, OLD.digest, OLD.reason,
      OLD.requested_by, OLD.requester_roles, OLD.requested_at, OLD.expires_at) THEN
    RAISE EXCEPTION 'approval %: what was asked never changes', OLD.id;
  END IF;
  IF OLD.state <> 'pending' THEN
    -- Once, after it was carried out: what came of it.
    IF OLD.state = 'executed' AND OLD.result IS NULL
       AND (NEW.state, NEW.decided_by, NEW.decider_roles, NEW.decided_at, NEW.decision_reason)
         IS NOT DISTINCT FROM
         (OLD.state, OLD.decided_by, OLD.decider_roles, OLD.decided_at, OLD.decision_reason) THEN
      RETURN NEW;
    END IF;
    RAISE EXCEPTION 'approval %: it is % already', OLD.id, OLD.state;
  END IF;
  IF NEW.state <> 'pending' AND (NEW.decided_by = '' OR NEW.decided_at IS NULL) THEN
    RAISE EXCEPTION 'approval %: somebody decides, at some time', OLD.id;
  END IF;
  IF NEW.state = 'executed' THEN
    IF lower(NEW.decided_by) = lower(NEW.requested_by) THEN
      RAISE EXCEPTION 'approval %: who asked cannot approve', OLD.id;
    END IF;
    IF NEW.decided_at >= NEW.expires_at THEN
      RAISE EXCEPTION 'approval %: it has expired', OLD.id;
    END IF;
    IF NEW.kind IN ('hold-lift', 'stage-promote', 'limit-raise', 'trigger-relax',
                    'triggers-shadow', 'break-accept')
       AND NOT (NEW.requester_roles ? 'risk' OR NEW.decider_roles ? 'risk') THEN
      RAISE EXCEPTION 'approval %: one of the two must be risk', OLD.id;
    END IF;
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER riskctl_approval_guard BEFORE INSERT OR UPDATE OR DELETE ON riskctl_approval
  FOR EACH ROW EXECUTE FUNCTION riskctl_approval_guard();
"""

LIFT = """
CREATE FUNCTION riskctl_lift_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  the_kind text;
  asked riskctl_approval;
BEGIN
  SELECT kind INTO the_kind FROM riskctl_hold WHERE id = NEW.hold_id;
  IF the_kind NOT IN ('kill', 'regulatory') THEN
    RETURN NEW;
  END IF;
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
CREATE TRIGGER riskctl_lift_guard BEFORE INSERT ON riskctl_holdlift
  FOR EACH ROW EXECUTE FUNCTION riskctl_lift_guard();
"""

DROP_APPROVAL = """
DROP TRIGGER riskctl_approval_guard ON riskctl_approval;
DROP FUNCTION riskctl_approval_guard();
"""
DROP_LIFT = """
DROP TRIGGER riskctl_lift_guard ON riskctl_holdlift;
DROP FUNCTION riskctl_lift_guard();
"""


class Migration(migrations.Migration):
    dependencies = [("riskctl", "0003_holds")]
    operations = [
        migrations.RunSQL(APPROVAL, DROP_APPROVAL),
        migrations.RunSQL(LIFT, DROP_LIFT),
    ]
