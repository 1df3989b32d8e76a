"""Nothing happens without its entry: every service that changes something is walked.

Each is called twice. First the record takes no entry: then nothing may have changed, so the change
stands in the transaction of its entry. Then it does: every transaction that changed a row, in
whatever table, has an entry of its own, by the database's own numbers of transactions.
"""

import json
from collections.abc import Collection

import pytest
from django.db import DatabaseError, connection

from audit.families import family_of
from audit.guarding import TABLES
from audit.models import Entry
from tests.audit.walk.brakes import Call
from tests.audit.walk.inventory import services, test_is_there
from tests.audit.walk.people import CASES
from tests.support.closed import record_closed

pytestmark = pytest.mark.django_db(transaction=True)

ELSEWHERE: dict[str, str] = {
    # more than a transaction, or a desk is needed: what must be entered is looked at there
    "riskctl.placing.hold_place": "tests/console/api/test_without_record.py::"
    "test_stops_are_in_force_and_entered_afterwards",
    "riskctl.placing.pending_write": "tests/console/api/test_without_record.py::"
    "test_stops_are_in_force_and_entered_afterwards",
    "riskctl.following.receipts_follow": "tests/console/api/test_without_record.py::"
    "test_stops_are_in_force_and_entered_afterwards",
    "riskctl.cancelling.orders_cancel": "tests/console/api/test_without_record.py::"
    "test_stops_are_in_force_and_entered_afterwards",
    "trading.liquidation.service.flatten_order": "tests/console/api/test_close_all.py::"
    "test_a_risk_manager_closes_everything",
    "trading.liquidation.service.warrants_follow": "tests/console/api/test_close_all.py::"
    "test_the_same_key_is_the_same_stop_and_the_same_warrant",
    "riskctl.lifting.lift_request": "tests/resume/test_kill.py::"
    "test_two_people_and_every_proof_lift_it_and_the_strategy_starts_low",
    "riskctl.lifting.lift_execute": "tests/resume/test_kill.py::"
    "test_two_people_and_every_proof_lift_it_and_the_strategy_starts_low",
    "trading.resume.reentry.strategies_reenter": "tests/resume/test_kill.py::"
    "test_two_people_and_every_proof_lift_it_and_the_strategy_starts_low",
    "riskctl.ladder.stage_promote_request": "tests/ladder/test_services.py::"
    "test_from_the_ground_to_live_one_rung_at_a_time",
    "riskctl.ladder.promote_execute": "tests/ladder/test_services.py::"
    "test_from_the_ground_to_live_one_rung_at_a_time",
    "trading.resume.promotion.stages_fall": "tests/ladder/test_services.py::"
    "test_the_ladder_takes_down_by_itself_what_its_measures_no_longer_hold",
    "trading.strategies.resize.size_raise_execute": "tests/console/access/test_size.py::"
    "test_beyond_limits_it_is_asked_and_carried_out_with_its_limits_at_once",
    "trading.engines.alerting.engine_alerts_keep": "tests/engines/test_alerting.py::"
    "test_an_alert_begins_and_ends_once_and_is_recorded",
    "trading.engines.halting.engine_stop": "tests/console/api/test_engines.py::"
    "test_stops_are_holds_whatever_else_is_said_and_by_a_token_too",
    "trading.engines.approving.engine_apply_execute": "tests/engines/test_service.py::"
    "test_what_it_raises_takes_two_and_what_it_lowers_waits_for_nobody",
    "trading.venues.accounts.venue_account_set": "tests/venues/test_accounts.py::"
    "test_an_account_is_made_known_and_known_anew",
    "trading.reconciliation.accepting.break_accept_execute": "tests/reconciliation/"
    "test_accepting.py::test_exactly_the_breaks_that_were_asked_for",
    "trading.reconciliation.breaks.breaks_keep": "tests/reconciliation/test_run.py::"
    "test_a_position_at_the_venue_that_is_not_ours",
    "trading.reconciliation.service.reconcile_run": "tests/reconciliation/test_run.py::"
    "test_a_run_that_somebody_asked_for_is_recorded",
    "trading.portfolio.recompute.books_check": "tests/portfolio/test_recompute.py::"
    "test_differences_and_their_end_are_recorded",
    "trading.feeds.session.session_save": "tests/feeds/test_hosted.py::"
    "test_the_end_of_a_replay_is_said_and_the_feed_stays",
    "trading.feeds.session.turns_save": "tests/feeds/test_hosted.py::"
    "test_kill_9_while_on_the_backup_changes_nothing_and_each_turn_is_recorded_once",
    "trading.calendarwatch.calendars_check": "tests/workers/test_tasks.py::"
    "test_the_end_of_exchanges_hours_is_recorded_thirty_days_before",
    "trading.housekeeping.recordings_prune": "tests/feeds/test_recorder.py::"
    "test_the_oldest_days_go_by_age_and_by_size_and_never_the_one_that_is_written",
    "trading.testcalls.loads.load_recorded": "tests/loadtest/test_load.py::"
    "test_killed_it_leaves_nothing_at_work_and_the_next_run_clears_up",
    "riskctl.stoplosses.stop_losses_set": "tests/console/api/test_stop_losses.py::"
    "test_the_runbooks_call_names_every_position",
    "trading.gates.raising.limit_raise_execute": "tests/gates/test_raising.py::"
    "test_the_limit_itself_goes_by_the_same_steps",
    "trading.gates.service.sign_off": "tests/gates/test_gates.py::"
    "test_every_gate_one_after_another_and_then_real_money",
    "trading.gates.service.sign_off_withdraw": "tests/gates/test_gates.py::"
    "test_withdrawing_takes_it_down_at_once",
    "trading.gates.drills.drill_record": "tests/gates/test_drills.py::"
    "test_a_kill_without_a_flaw_is_kept_once",
    "trading.gates.paper.paper_days_record": "tests/gates/test_paper.py::"
    "test_whole_days_count_once_and_late_ones_are_caught_up",
    "trading.testcalls.service.price_inject": "tests/console/api/test_testcalls.py::"
    "test_a_price_is_put_in_and_the_checks_word_is_answered",
    "trading.testcalls.service.signal_generate": "tests/console/api/test_testcalls.py::"
    "test_signals_are_those_of_strategies_on_paper",
    "trading.testcalls.service.signal_validate": "tests/console/api/test_testcalls.py::"
    "test_a_signal_becomes_the_order_it_would_become",
    "trading.testcalls.service.order_dry_run": "tests/console/api/test_testcalls.py::"
    "test_a_dry_run_is_of_one_lot_of_the_first_strategy_unless_said",
    "audit.standing.record_verify": "tests/audit/test_export.py::test_the_nightly_check_alarms",
    "console.access.rotation.keys_rotate": "tests/console/access/test_rotation.py::"
    "test_each_step_is_in_the_record_and_no_secret_is",
    "console.access.rotation.keys_prepare": "tests/console/access/test_rotation.py::"
    "test_a_production_starts_with_a_first_key_and_not_without_the_keys_it_needs",
    "console.demo_desk.desks_prepare": "tests/supervisor/test_desk_prepare.py::"
    "test_demo_json_says_who_may_sign_in",
    "console.demo_people.people_prepare": "tests/supervisor/test_desk_prepare.py::"
    "test_demo_json_says_who_may_sign_in",
}
BELOW = {
    # in the transaction of a service above them, whose entry it is
    "riskctl.ladder.stage_set": "riskctl.ladder.stage_demote",
    "console.access.adding.passkey_options": "console.access.security.factor_add",
    "console.access.security.authenticator_begin": "console.access.security.factor_add",
    "console.access.views.passkey_asked": "console.access.views.sign_in_factor",
    "audit.record.record": "console.access.recorded.denial",
}
"""A question, a seed that nobody confirmed yet: nothing is added before an answer counts."""
KEPT_ONLY = {
    # nobody did anything: a heartbeat, a lease, an answer to be given again, what has its time
    "riskctl.watchdog.heartbeat_write", "riskctl.watchdog.watchdog_run",
    "riskctl.leases.leases_lay", "riskctl.leases.lease_claim", "riskctl.leases.lease_renew",
    "riskctl.leases.lease_release", "trading.housekeeping.housekeeping_run",
    "console.access.sessionlist.sessions_tidy", "console.api.idempotency.answered_once",
}  # fmt: skip
READ_ONLY = {
    "audit.checkpoints.checkpoint_sign",
    "audit.reading.bounded",
    "audit.record.entry_row",
    "audit.verifier.check_consistency",
    "audit.verifier.check_inclusion",
    "console.access.enrolment.check_may_add",
    "console.access.sessionlist.sessions_listed",
    "console.access.token_wish.wanted",
    "console.cli.recorded.replay_days",
    "console.pages.viewer.lift_way",
    "riskctl.approvals.rules.digest_of",
    "riskctl.breakglass.breakglass_shown",
    "riskctl.deadman.judged",
    "riskctl.holdrows.step_statements",
    "riskctl.placing.hold_of",
    "riskctl.rungs.reentry",
    "trading.engines.alerting.alert_states",
    "trading.portfolio.marks.value_position",
    "trading.portfolio.recompute.books_compare",
    "trading.reconciliation.books.ours_at",
    "trading.reconciliation.selectors.breaks_open",
    "trading.reconciliation.selectors.positions_compared",
    "trading.reconciliation.selectors.reconciled_since",
    "trading.reconciliation.selectors.reconciliations",
    "trading.reconciliation.word.word_of",
    "trading.selectors.books.broker_positions",
    "trading.selectors.books.executions",
    "trading.selectors.books.orders",
    "trading.selectors.books.signals",
    "trading.selectors.books.stop_losses",
    "trading.selectors.latencies.stage_latencies",
    "trading.selectors.performance.answers",
    "trading.selectors.performance.performance",
    "trading.selectors.performance.prices",
    "trading.selectors.signalling.signal_metrics",
    "trading.venues.registry.venue_of",
}
OF_FACES = frozenset({"django_session", "console_sessionrecord"})
"""What a request leaves of itself, whatever it asked for: when the session was last seen."""
WALKED = {name for names in CASES for name in names.split()}
ASIDE = frozenset(TABLES)
"""The record itself: its own tables are compared by what is entered."""
SETTINGS = frozenset({"limit", "stage", "strategy", "desk", "trigger", "role"})
"""Families of which an entry says what was before and after."""


def tables() -> list[str]:
    with connection.cursor() as cursor:
        names = connection.introspection.table_names(cursor)
    return [one for one in names if one not in ASIDE and one != "django_migrations"]


def asked(sql: str) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall())


def contents() -> dict[object, object]:
    """A digest of every row of every table."""
    rows = "md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), ''))"
    each = (f"SELECT '{one}', {rows} FROM \"{one}\" t" for one in tables())
    return dict(asked(" UNION ALL ".join(each)))  # type: ignore[arg-type]


def now_xid() -> int:
    return int(str(asked("SELECT pg_current_xact_id()::text::bigint")[0][0]))


def changing(since: int, aside: frozenset[str]) -> set[object]:
    """Transactions from ``since`` on that left a row in any table but those of ``aside``."""
    sql = 'SELECT xmin::text::bigint FROM "{0}" WHERE xmin::text::bigint >= {1}'
    looked = (sql.format(one, since) for one in tables() if one not in aside)
    return {xid for (xid,) in asked(" UNION ".join(looked))}


def test_every_service_is_classified() -> None:
    """A new one is walked, or it is said why not."""
    known: list[Collection[str]] = [WALKED, ELSEWHERE, BELOW, KEPT_ONLY, READ_ONLY]
    classified = [name for one in known for name in one]
    assert sorted(services() - set(classified)) == [], "walk it (tests/audit/walk)"
    assert sorted(set(classified) - services()) == [], "it is no more"
    assert len(classified) == len(set(classified)), "one place each"
    assert [one for one in ELSEWHERE.values() if not test_is_there(one)] == []
    assert set(BELOW.values()) <= WALKED


@pytest.mark.parametrize("names", CASES)
def test_no_change_without_its_entry(names: str, monkeypatch: pytest.MonkeyPatch) -> None:
    call: Call = CASES[names](monkeypatch)
    left = OF_FACES if ".views." in names else frozenset()
    before, known = contents(), Entry.objects.count()
    with record_closed(), pytest.raises(DatabaseError, match="closed"):
        call()
    assert {name for name, digest in contents().items() if before[name] != digest} <= left
    assert Entry.objects.count() == known
    # A savepoint would give rows a number of their own, of which nobody can ask whose it is.
    monkeypatch.setattr(connection.features, "uses_savepoints", False)
    since = now_xid()
    call()
    made = Entry.objects.filter(xid__gte=since)
    entered = {one.xid for one in made}
    assert entered, "it left no entry"
    assert changing(since, left) - entered == set(), "it changed rows and entered nothing"
    for one in made:
        body = json.loads(bytes(one.body))
        assert body["actor"], one
        assert body["happened_at"], one
        if family_of(one.action) in SETTINGS and one.outcome == "done":
            assert body["after"] is not None, one
            assert body["before"] is not None or one.action in FIRST, one


FIRST = frozenset({"stage.enter", "trigger.tighten", "trigger.breach", "trigger.warning",
                   "desk.set", "role.reconcile", "triggers.shadow", "role.grant"})  # fmt: skip
"""Where there may have been nothing before."""
