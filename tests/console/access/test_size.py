"""Sizes: within limits by one, beyond them by two, and the shard takes them where it is."""

from decimal import Decimal
from typing import Any

import pytest

from riskctl.actors import Actor, NotAllowedError
from riskctl.approvals import (
    ApprovalVoidError,
    approval_approve,
    approval_reject,
    approval_request,
)
from riskctl.approvals.kinds import RequestError
from riskctl.holds import RISK, SRE, TRADER
from riskctl.ladder import stage_set, stages_prepare
from riskctl.models import Approval, Limit
from riskctl.rungs import Rung
from tests.console.access.world import SETUP, actor, limits, somebody
from tests.console.conftest import entries
from trading.models import Strategy, VenueAccount
from trading.strategies.loader import spec_of
from trading.strategies.resize import (
    BeyondLimitsError,
    limits_for,
    most_within,
    read_size,
    size_raise_request,
    size_set,
)
from trading.strategies.rungs import RungWatch, terms_read
from trading.universe import UNIVERSE

pytestmark = pytest.mark.django_db

KEY = "mom-fx"
OLGA = actor("olga.fx", TRADER, owns=(KEY,))
STALE = actor("olga.fx", TRADER, owns=(KEY,), age_s=3600.0)
ADA = actor("ada.risk", RISK)
LENA = actor("lena.risk", RISK)


@pytest.fixture(autouse=True)
def sized() -> Strategy:
    """1,000 a symbol, two symbols. One person may set it to 1,200: one order must turn it."""
    account = VenueAccount.objects.create(name="paper-1", venue="One", adapter="x", address="x:1")
    row = Strategy.objects.create(
        key=KEY, kind="momentum", owner="olga.fx", account=account,
        symbols=["EURUSD", "GBPUSD"], size_notional=Decimal(1000),
    )  # fmt: skip
    limits(KEY, order="2400", position="1500", gross="6000")
    for name, role in (("olga.fx", TRADER), ("ada.risk", RISK), ("lena.risk", RISK)):
        somebody(name, role)
    return row


def size() -> Decimal:
    return Decimal(Strategy.objects.get(key=KEY).size_notional)


def limit(kind: str) -> Decimal:
    return Limit.objects.get(scope=f"strategy:{KEY}", kind=kind).value


def set_to(text: str, who: Actor = OLGA, **more: Any) -> Decimal:
    return size_set(strategy=KEY, size=text, actor=who, **more).size


# By one -------------------------------------------------------------------------------------------


def test_within_limits_it_is_set_at_once_and_recorded() -> None:
    done = size_set(strategy=KEY, size="1200.00", actor=OLGA, reason="calm market")
    assert [done.before, done.size, done.version] == [1000, 1200, 2]
    assert size() == 1200
    (entry,) = entries("strategy.size")
    assert entry["before"] == {"size": "1000", "version": 1}
    assert entry["after"] == {"size": "1200", "version": 2}
    assert (entry["actor"], entry["reason"]) == ("olga.fx", "calm market")


def test_higher_asks_for_a_fresh_factor_and_lower_never_does() -> None:
    with pytest.raises(NotAllowedError) as refused:
        set_to("1000.01", STALE)
    assert refused.value.code == "size-needs-step-up"
    assert size() == 1000
    assert set_to("999.99", STALE) == Decimal("999.99")
    assert set_to("1", actor("olga.fx", TRADER, owns=(KEY,), age_s=None)) == 1


def test_lower_is_taken_also_when_it_is_beyond_what_limits_allow_now() -> None:
    Limit.objects.filter(scope=f"strategy:{KEY}").update(value=1)
    assert set_to("900", STALE) == 900


@pytest.mark.parametrize(
    "who",
    [
        actor("felix.fx", TRADER, owns=("mr-fx",)),
        actor("nina.fx", TRADER, owns=(KEY,), resizes=()),
        actor("olga.fx", owns=(KEY,)),
        actor("jonas.sre", SRE),
    ],
    ids=["other trader", "a desk that does not let resize", "no longer a trader", "sre"],
)
def test_only_its_trader_and_risk_set_it_and_the_refusal_is_recorded(who: Actor) -> None:
    with pytest.raises(NotAllowedError) as refused:
        set_to("900", who)
    assert refused.value.code == "size-not-yours"
    with pytest.raises(NotAllowedError):
        size_raise_request(strategy=KEY, size="9000", actor=who, reason="more")
    assert size() == 1000
    denied = entries("strategy.size")
    assert [one["outcome"] for one in denied] == ["denied", "denied"]
    assert denied[0]["after"]["code"] == "size-not-yours"


def test_tokens_and_shells_set_no_size() -> None:
    token = Actor(kind="token", name="t", roles=frozenset({RISK}), token_scopes=frozenset({"stop"}))
    shell = Actor(kind="person", name="shell:root", roles=frozenset({RISK}), source="shell")
    for who, code in ((token, "size-tokens-cannot"), (shell, "size-shells-cannot")):
        with pytest.raises(NotAllowedError) as refused:
            set_to("900", who)
        assert refused.value.code == code


def test_risk_sets_it_too() -> None:
    assert set_to("1100", ADA) == 1100


@pytest.mark.parametrize(
    "text", ["0", "-1", "", "x", "NaN", "Infinity", "1e3x", "0.001", "1000000000000000000", None, 5]
)
def test_what_is_no_size_is_refused(text: Any) -> None:
    with pytest.raises(RequestError) as refused:
        read_size(text)
    assert refused.value.field == "size"


def test_only_the_version_that_was_seen_is_changed() -> None:
    assert set_to("900", version=1) == 900
    with pytest.raises(NotAllowedError) as refused:
        set_to("800", version=1)
    assert refused.value.code == "size-version"
    assert size() == 900
    assert set_to("800", version=2) == 800


# Limits -------------------------------------------------------------------------------------------


def test_what_a_size_takes(sized: Strategy) -> None:
    assert most_within(sized) == 1200
    assert limits_for(sized, Decimal(1200)) == {}
    beyond = limits_for(sized, Decimal("1200.01"))
    assert set(beyond) == {"order-notional"}, "one order must be able to turn a position over"
    assert beyond["order-notional"] == Decimal("2880.03"), "by the share that the size grows"
    assert set(limits_for(sized, Decimal(1600))) == {"order-notional", "position-notional"}
    assert limits_for(sized, Decimal(3500)) == {
        "order-notional": 8400, "position-notional": 5250, "gross-notional": 21000
    }  # fmt: skip


def test_a_limit_that_is_not_set_closes(sized: Strategy) -> None:
    Limit.objects.filter(kind="gross-notional").delete()
    assert most_within(sized) is None
    with pytest.raises(RequestError, match="gross-notional is not set"):
        set_to("1100")
    assert size() == 1000
    assert set_to("900") == 900


def test_the_firms_own_limit_is_raised_first(sized: Strategy) -> None:
    Limit.objects.filter(scope="firm").update(value=2200)
    assert most_within(sized) == 1100
    with pytest.raises(RequestError, match="the firm's order-notional limit is 2200"):
        set_to("1150")
    with pytest.raises(RequestError, match="the firm's"):
        size_raise_request(strategy=KEY, size="5000", actor=OLGA, reason="more")


# By two -------------------------------------------------------------------------------------------


def asked(text: str = "2000", who: Actor = OLGA) -> Approval:
    with pytest.raises(BeyondLimitsError):
        set_to(text, who)
    return size_raise_request(strategy=KEY, size=text, actor=who, reason="larger book")


def approved(row: Approval, who: Actor = ADA, roles: frozenset[str] | None = None) -> Approval:
    return approval_approve(approval_id=row.id, digest=row.digest, actor=who, requester_roles=roles)


def test_beyond_limits_it_is_asked_and_carried_out_with_its_limits_at_once() -> None:
    row = asked()
    assert row.request == {
        "size": "2000", "limits": {"order-notional": "4800", "position-notional": "3000"}
    }  # fmt: skip
    assert row.asked_in == {
        "size": "1000", "version": 1,
        "limits": {"order-notional": "2400", "position-notional": "1500", "gross-notional": "6000"},
    }  # fmt: skip
    assert size() == 1000
    done = approved(row)
    assert done.state == "executed"
    assert done.result is not None
    assert done.result["size"] == "2000"
    assert [size(), limit("order-notional"), limit("position-notional")] == [2000, 4800, 3000]
    assert limit("gross-notional") == 6000
    raised = Limit.objects.get(scope=f"strategy:{KEY}", kind="order-notional")
    assert (raised.version, raised.changed_by) == (2, ADA.name), (
        "who looked at it before looks anew"
    )
    entry = entries("strategy.size")[-1]
    assert entry["after"]["approval"] == str(row.id)
    assert entry["after"]["asked_by"] == "olga.fx"
    assert [one["object_id"] for one in entries("limit.raise")] == [
        f"strategy:{KEY}/order-notional", f"strategy:{KEY}/position-notional",
    ]  # fmt: skip
    assert set_to("2000", STALE) == 2000, "then it is within"


def test_asking_needs_a_fresh_factor_and_a_reason() -> None:
    with pytest.raises(NotAllowedError):
        size_raise_request(strategy=KEY, size="2000", actor=STALE, reason="more")
    with pytest.raises(RequestError, match="reason"):
        size_raise_request(strategy=KEY, size="2000", actor=OLGA, reason=" ")
    assert not Approval.objects.exists()


@pytest.mark.parametrize(
    ("who", "code"),
    [
        (OLGA, "approval-own-request"),
        (actor("felix.fx", TRADER, owns=("mr-fx",)), "approval-needs-role"),
        (actor("jonas.sre", SRE), "approval-not-your-role"),
        (actor("nina.fx", TRADER, owns=(KEY,)), "approval-needs-role"),
        (actor("ada.risk", RISK, age_s=3600.0), "approval-needs-step-up"),
    ],
)
def test_who_cannot_be_the_second(who: Actor, code: str) -> None:
    row = asked()
    with pytest.raises(NotAllowedError) as refused:
        approved(row, who)
    assert refused.value.code == code
    assert size() == 1000


def test_risk_asks_and_another_risk_manager_approves() -> None:
    assert approved(asked(who=ADA), LENA).state == "executed"


@pytest.mark.parametrize("change", ["size", "limit"])
def test_it_is_void_when_size_or_limits_have_changed_since(change: str) -> None:
    row = asked()
    if change == "size":
        set_to("900")
    else:
        Limit.objects.filter(scope=f"strategy:{KEY}", kind="gross-notional").update(value=5000)
    with pytest.raises(ApprovalVoidError):
        approved(row)
    assert size() in (900, 1000)
    assert limit("order-notional") == 2400


def test_rejected_it_stays_as_it_was() -> None:
    row = asked()
    approval_reject(approval_id=row.id, actor=ADA, reason="no")
    assert size() == 1000


@pytest.mark.parametrize(
    "request_",
    [
        {"size": "2000"},
        {"size": "2000", "limits": {}},
        {"size": "2000", "limits": {"price-collar": "500"}},
        {"size": "2000", "limits": {"order-notional": 4800}},
        {"size": "2000", "limits": {"order-notional": "4800"}, "shard": 1},
        {"size": "0", "limits": {"order-notional": "4800"}},
    ],
)
def test_a_request_by_hand_says_size_and_limits_and_no_more(request_: dict[str, Any]) -> None:
    with pytest.raises(RequestError):
        approval_request(
            kind="size-raise", subject=f"strategy:{KEY}", request=request_, actor=OLGA, reason="x"
        )


def test_limits_beyond_what_the_size_takes_are_not_carried_out() -> None:
    row = approval_request(
        kind="size-raise", subject=f"strategy:{KEY}", actor=OLGA, reason="x",
        request={"size": "2000",
                 "limits": {"order-notional": "99999", "position-notional": "3000"}},
    )  # fmt: skip
    with pytest.raises(RequestError, match="takes these, exactly: order-notional 4800"):
        approved(row)
    assert [size(), limit("order-notional")] == [1000, 2400]
    assert Approval.objects.get().state == "pending"


# The shard ----------------------------------------------------------------------------------------


def test_nobody_rehearses_on_an_account_that_reaches_a_real_venue(sized: Strategy) -> None:
    """However it came to be one: the rung paper asks for no gate."""
    stages_prepare(strategies=[KEY], rung="paper", entered_by="test")
    paper = VenueAccount.objects.create(name="paper-r", venue="R", adapter="x", address="x:1")
    VenueAccount.objects.filter(name="paper-1").update(rehearsal=paper)
    spec = spec_of(sized, UNIVERSE)
    terms = terms_read([spec])[KEY]
    assert (terms.account, terms.orders) == ("paper-r", True)
    VenueAccount.objects.filter(name="paper-r").update(live=True)
    terms = terms_read([spec])[KEY]
    assert (terms.account, terms.orders) == ("paper-1", False)
    assert terms.why == "on rung paper, and paper-1 has no rehearsal account"


def test_a_running_shard_is_told_the_new_size_with_its_rung(sized: Strategy) -> None:
    stages_prepare(strategies=[KEY], entered_by="test")
    spec = spec_of(sized, UNIVERSE)
    known = terms_read([spec])
    watch = RungWatch(sized.shard, [spec], known)
    watch._look()
    assert watch._fresh is None
    set_to("1200")
    watch._look()
    assert watch._fresh is not None
    assert watch._fresh.terms[KEY].size_notional == 1200
    stage_set(strategy=KEY, rung=Rung.RAMP, actor=SETUP, reason="x", factor=Decimal("0.25"))
    watch._look()
    assert watch._fresh.terms[KEY].size_notional == 300, "a share of the new size"
    Strategy.objects.filter(key=KEY).update(size_notional=0)
    watch._look()
    assert watch._fresh.terms[KEY].size_notional == 250, "no size: of the one it was loaded with"
