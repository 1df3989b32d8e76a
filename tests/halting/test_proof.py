"""What counts as proof, against a gateway that does the worst it may.

The gateway of this test reads, sends and freezes at any moments that its licence allows; its
creates arrive as late as their not-after lets them. Whatever the caller then takes for proof, no
create may arrive after it.
"""

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from riskctl.control import HoldTaken
from riskctl.proof import Evidence

MS = 1_000_000
LICENCE, NOT_AFTER = 250 * MS, 200 * MS
times = st.integers(1, 3_000).map(lambda ms: ms * MS + 10**12)


def taken(*, token: int, leased: bool, journalled: bool) -> HoldTaken:
    return HoldTaken("paper-1", token, leased, journalled, [], 1, 0, 10)


@given(
    commit=times, seen_later=st.integers(0, 500), readings=st.lists(times, max_size=8),
    sends=st.lists(times, max_size=12), travel=st.integers(0, 200), asked=times,
)  # fmt: skip
@settings(max_examples=400, deadline=None)
def test_after_an_expiry_nothing_arrives(
    *, commit: int, seen_later: int, readings: list[int], sends: list[int], travel: int, asked: int
) -> None:
    """A reading begun at or after the commit shows the hold; an earlier one may license."""
    evidence = Evidence("paper-1")
    arrivals = [
        sent + travel * MS
        for sent in sends
        if any(begun <= sent < begun + LICENCE and begun < commit for begun in readings)
    ]
    proof = evidence.proof(asked, commit + seen_later * MS, kept=True)
    if proof is not None:
        assert proof.how == "expired"
        assert all(at < asked for at in arrivals)
    latest = evidence.due_boot_ns(commit + seen_later * MS)
    late = evidence.proof(latest + 1, commit + seen_later * MS, kept=True)
    assert late is not None, "what is due is not proven"
    assert all(at <= latest for at in arrivals)


@given(dead=times, seen_later=st.integers(0, 500), travel=st.integers(0, 200), asked=times)
@settings(max_examples=300, deadline=None)
def test_after_a_death_nothing_that_was_written_arrives(
    dead: int, seen_later: int, travel: int, asked: int
) -> None:
    evidence = Evidence("paper-1", dead_boot_ns=dead + seen_later * MS)
    assert evidence.proof(asked, 0, kept=True) is None, "a successor may not know the hold"
    assert evidence.proof(asked, 0, kept=False) is None
    proof = evidence.proof(asked, asked, kept=True)
    if proof is not None:
        assert proof.how == "dead"
        assert dead + travel * MS < asked


@dataclass(frozen=True)
class Claim:
    """What one gateway said, as the caller holds it."""

    token: int
    leased: bool
    journalled: bool
    same_place: bool


claims = st.builds(Claim, st.integers(1, 4), st.booleans(), st.booleans(), st.booleans())


@given(
    claim=claims, newest=st.integers(1, 4), kept=st.booleans(), recorded=st.booleans(), asked=times
)
@settings(max_examples=300, deadline=None)
def test_an_acknowledgement_counts_only_from_who_can_keep_it(
    *, claim: Claim, newest: int, kept: bool, recorded: bool, asked: int
) -> None:
    """Not yet on disk, of an older token, or where no successor would find it: no.

    With a lease a successor may be on any host, which finds only what the database has.
    """
    evidence = Evidence("paper-1", token=newest, same_place=claim.same_place)
    evidence.taken = taken(token=claim.token, leased=claim.leased, journalled=claim.journalled)
    proof = evidence.proof(asked, asked if recorded else 0, kept=kept or recorded)
    found = (kept or recorded) and claim.same_place
    good = claim.journalled and claim.token >= newest and ((claim.leased and recorded) or found)
    assert (proof is not None) is good
    if proof is not None:
        assert proof.how == "acknowledged"


@given(asked=times)
def test_nothing_is_no_proof(asked: int) -> None:
    for kept in (True, False):
        assert Evidence("paper-1").proof(asked, 0, kept=kept) is None
        assert Evidence("paper-1").due_boot_ns(0) == 0
