"""Leases: at most one live holder, tokens only grow, whatever is tried in whatever order."""

import threading

import pytest
from django.db import connection
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from riskctl.leases import lease_claim, lease_release, lease_renew, leases_lay, leases_read
from riskctl.models import Lease

LONG = 3_600.0
HOLDERS = st.sampled_from(["one:1:1", "two:2:2", "three:3:3"])
NAMES = st.sampled_from(["shard:0", "gateway:paper-1"])


def expire(name: str) -> None:
    """The lease runs out now, as if its holder had been silent for its whole time."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE riskctl_lease SET expires_at = clock_timestamp() WHERE name = %s", [name]
        )


class LeaseMachine(RuleBasedStateMachine):
    """Several holders claim, renew, release, fall silent and come back; a model says who may."""

    def __init__(self) -> None:
        super().__init__()
        Lease.objects.all().delete()
        leases_lay(names=["shard:0", "gateway:paper-1"])
        self.live: dict[str, str | None] = {"shard:0": None, "gateway:paper-1": None}
        self.tokens = {"shard:0": 0, "gateway:paper-1": 0}
        self.believes: dict[tuple[str, str], int] = {}

    @rule(name=NAMES, holder=HOLDERS)
    def claim(self, name: str, holder: str) -> None:
        token = lease_claim(name=name, holder=holder, ttl_s=LONG)
        if self.live[name] in (None, holder):
            assert token is not None
            assert token > self.tokens[name]
            self.tokens[name] = token
            self.live[name] = holder
            self.believes[name, holder] = token
        else:
            assert token is None

    @rule(name=NAMES, holder=HOLDERS, dead=HOLDERS)
    def seize(self, name: str, holder: str, dead: str) -> None:
        """Claim what a holder known to be dead has left behind."""
        token = lease_claim(name=name, holder=holder, ttl_s=LONG, gone=[dead])
        if self.live[name] in (None, holder, dead):
            assert token is not None
            assert token > self.tokens[name]
            self.tokens[name], self.live[name] = token, holder
            self.believes[name, holder] = token
        else:
            assert token is None

    @rule(name=NAMES, holder=HOLDERS)
    def renew(self, name: str, holder: str) -> None:
        token = self.believes.get((name, holder), 0)
        renewed = lease_renew(name=name, holder=holder, token=token, ttl_s=LONG)
        row = Lease.objects.get(name=name)
        assert renewed == (row.holder == holder and token == self.tokens[name])
        if renewed:
            self.live[name] = holder

    @rule(name=NAMES, holder=HOLDERS)
    def release(self, name: str, holder: str) -> None:
        token = self.believes.get((name, holder), 0)
        owns = Lease.objects.get(name=name).holder == holder and token == self.tokens[name]
        assert lease_release(name=name, holder=holder, token=token) == owns
        if owns:
            self.live[name] = None

    @rule(name=NAMES)
    def crash(self, name: str) -> None:
        """The holder dies without a word: the lease runs out, the holder still believes."""
        expire(name)
        self.live[name] = None

    @invariant()
    def one_live_holder(self) -> None:
        for reading in leases_read():
            assert reading.token == self.tokens[reading.name]
            live = self.live[reading.name]
            assert (reading.expires_ms > 0) == (live is not None)
            if live is not None:
                assert reading.holder == live
                claims = [t for (n, _), t in self.believes.items() if n == reading.name]
                assert claims.count(reading.token) == 1


@pytest.mark.django_db
def test_leases_hold_their_promises_in_any_order() -> None:
    run_state_machine_as_test(
        LeaseMachine,
        settings=settings(
            max_examples=40,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.django_db(transaction=True, available_apps=["riskctl"])
def test_of_eight_that_claim_at_once_one_wins() -> None:
    leases_lay(names=["watchdog:main"])
    for turn in range(10):
        expire("watchdog:main")
        start = threading.Barrier(8)
        won: list[int] = []

        def claim(number: int, start: threading.Barrier, won: list[int]) -> None:
            connection.ensure_connection()
            start.wait()
            token = lease_claim(name="watchdog:main", holder=f"box:{number}:1", ttl_s=LONG)
            if token is not None:
                won.append(token)
            connection.close()

        threads = [threading.Thread(target=claim, args=(n, start, won)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert won == [turn + 1]


@pytest.mark.django_db
def test_a_lease_that_ran_out_is_free_by_the_databases_clock() -> None:
    leases_lay(names=["feed:main"])
    first = lease_claim(name="feed:main", holder="one:1:1", ttl_s=0.05)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(0.06)")
    second = lease_claim(name="feed:main", holder="two:2:2", ttl_s=LONG)
    assert (first, second) == (1, 2)
    assert not lease_renew(name="feed:main", holder="one:1:1", token=1)
    assert not lease_release(name="feed:main", holder="one:1:1", token=1)


@pytest.mark.django_db
def test_leases_are_laid_once_and_named_right() -> None:
    leases_lay(names=["shard:0", "shard:1"])
    lease_claim(name="shard:0", holder="one:1:1")
    leases_lay(names=["shard:0", "shard:1"])
    assert [(r.name, r.role, r.token) for r in leases_read()] == [
        ("shard:0", "shard", 1),
        ("shard:1", "shard", 0),
    ]
    assert lease_claim(name="shard:7", holder="one:1:1") is None
    with pytest.raises(ValueError, match="say role:instance"):
        leases_lay(names=["shard"])
