"""Very many entries in one statement, as a desk writes them: one in five hundred of a person."""

FILLED = """
INSERT INTO audit_entry (id, happened_at, recorded_at, action, outcome, actor_kind, actor,
  on_behalf_of, object_kind, object_id, reason, source, request_id, correlation_id, body)
SELECT gen_random_uuid(), t.at, t.at,
  CASE WHEN n %% 500 = 0 THEN (ARRAY['hold.place','hold.lift','approval.execute','limit.raise',
    'sign-in.factor','token.make','access.deny'])[1 + n / 500 %% 7]
  ELSE (ARRAY['order.accept','order.last-fill','fill.book','order.cancel'])[1 + n %% 4] END,
  CASE WHEN n %% 3500 = 0 THEN 'denied' ELSE 'done' END,
  CASE WHEN n %% 500 = 0 THEN 'person' ELSE 'process' END,
  CASE WHEN n %% 500 = 0 THEN 'person-' || n / 500 %% 40 ELSE 'gateway:paper-' || n %% 2 END,
  CASE WHEN n %% 500 = 0 THEN '' ELSE 'strategy-' || n %% 12 END,
  CASE WHEN n %% 500 = 0 THEN 'hold' WHEN n %% 4 = 2 THEN 'fill' ELSE 'order' END,
  'object-' || n / 3,
  CASE WHEN n %% 500 = 0 THEN 'reason number ' || n ELSE '' END, '',
  CASE WHEN n %% 500 = 0 THEN 'request-' || n ELSE '' END,
  'correlation-' || n / 5, '{}'
FROM generate_series(1, %s) n,
  LATERAL (SELECT timestamptz '2026-11-01' + n * interval '1 second' AS at) t
"""
