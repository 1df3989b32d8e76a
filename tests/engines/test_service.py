"""Documents come into force: what lowers at once, what raises by two, what is kept for ever."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from console.access.desks import held_by
from riskctl.actors import Actor, NotAllowedError, shell_actor
from riskctl.approvals import RequestError, approval_approve, approval_request
from riskctl.approvals.engine import ApprovalVoidError
from riskctl.holds import RISK, SRE, TRADER, Kind
from riskctl.limiting import limit_tighten
from riskctl.models import Approval, HoldLift, Limit, Stage
from tests.approvals.people import hold
from tests.console.access.world import actor, limits, somebody
from tests.console.conftest import entries
from tests.engines.documents import document, line_of
from trading.engines.bounds import shown_bound
from trading.engines.judging import judge
from trading.engines.problems import EngineInvalidError, Problem
from trading.engines.reading import EngineConfig
from trading.engines.service import Applied, engine_apply, engine_patch
from trading.engines.standing import engine_standing, engine_standings
from trading.engines.versions import NoSuchEngineError, version_diff, versions_of
from trading.models import EngineVersion, Position, Strategy, VenueAccount
from trading.resume.scope import covered, scopes_over
from trading.strategies.parameters import DEFAULTS
from trading.triggers.documents import documents_read
from trading.triggers.stops import Documents

pytestmark = pytest.mark.django_db

D = Decimal
KEY = "mom-fx"
OLGA = actor("olga.fx", TRADER, owns=(KEY,))
ADA = actor("ada.risk", RISK)
SHELL = shell_actor("root")
SAID = {"riskLimit": "2.5%", "maxPositionSize": "30k", "frequency": "medium"}
"""What is in force: of the firm's 1,000,000 gross."""


@pytest.fixture(autouse=True)
def desk() -> Strategy:
    account = VenueAccount.objects.create(name="paper-1", venue="One", adapter="x", address="x:1")
    row = Strategy.objects.create(
        key=KEY, kind="momentum", owner="olga.fx", account=account, symbols=["EURUSD", "GBPUSD"],
        size_notional=Decimal(8_000), parameters={"enter": 0.9},
    )  # fmt: skip
    limits(KEY, order="20000", position="30000", gross="25000", firm="100000")
    for scope, kind, value in (
        ("firm", "gross-notional", 1_000_000), (f"strategy:{KEY}", "order-rate", 5),
        (f"strategy:{KEY}", "open-orders", 20),
    ):  # fmt: skip
        Limit.objects.create(scope=scope, kind=kind, value=Decimal(value))
    for name, role in (("olga.fx", TRADER), ("ada.risk", RISK), ("lena.risk", RISK)):
        somebody(name, role)
    return row


def applied(who: Actor = OLGA, **strategy: Any) -> Applied:
    given = {"targetPosition": "8k", **strategy}
    return engine_apply(text=document(**given), actor=who, reason="tests")


def limit(kind: str, key: str = KEY) -> Decimal:
    return Limit.objects.get(scope=f"strategy:{key}", kind=kind).value


def ways(done: Applied) -> dict[str, str]:
    return {one.name: str(one.way) for one in done.settings if one.way != "same"}


def approved(asked: Approval, who: Actor = ADA) -> Approval:
    return approval_approve(approval_id=asked.id, digest=asked.digest, actor=who)


# At once ------------------------------------------------------------------------------------------


def test_what_is_in_force_already_changes_nothing_and_is_kept_once() -> None:
    first, again = applied(), applied()
    assert (ways(first), first.asked) == ({}, None)
    assert first.version == again.version
    assert engine_standing(KEY).state == "in force"
    (entry,) = entries("engine.store")
    assert entry["after"]["version"] == 1


def test_what_it_lowers_is_lowered_at_once_and_the_size_with_it() -> None:
    done = applied(riskLimit="1%", maxPositionSize="6k", frequency="low")
    assert ways(done) == dict.fromkeys(
        ("gross-notional", "position-notional", "order-rate", "size"), "lower"
    )
    assert (limit("gross-notional"), limit("position-notional")) == (D(10_000), D(6_000))
    assert limit("order-rate") == 1
    row = Strategy.objects.get(key=KEY)
    assert (row.size_notional, row.version) == (5_000, 2)  # two instruments share the gross
    assert done.asked is None
    reasons = {one["reason"] for one in entries("limit.tighten") + entries("strategy.size")}
    assert reasons == {"TradingEngine mom-fx version 1: tests"}


def controls(loss: str, by: Actor = OLGA) -> Applied:
    """A stop-loss of so much; "" for one that is switched off."""
    text = document(**SAID, targetPosition="8k").replace("1.0%", loss or "1.0%")
    text = text if loss else text.replace("enabled: true", "enabled: false", 1)
    return engine_apply(text=text, actor=by, reason="tests")


@pytest.mark.parametrize("loss", ["2.0%", ""])
def test_a_stop_loss_is_tightened_by_one_and_loosened_by_two(loss: str) -> None:
    def in_force() -> str:
        found = documents_read(Documents()).of(KEY)
        return shown_bound(found.loss if found else None)

    controls("1.0%")
    assert ways(controls("0.5%")) == {}
    assert in_force() == "0.5% in 60 s"
    looser = controls(loss, by=SHELL)
    assert (ways(looser), looser.unasked) == ({"stop-loss": "raise"}, True)
    assert in_force() == "0.5% in 60 s", "a shell loosens nothing"
    before = documents_read(Documents())
    asked = controls(loss).asked
    assert asked is not None
    assert asked.asked_in["settings"] == {"stop-loss": "0.5% in 60 s"}
    assert in_force() == "0.5% in 60 s", "nor does asking"
    approved(asked)
    assert in_force() == ("2% in 60 s" if loss else "none")
    assert documents_read(before).of(KEY) == documents_read(Documents()).of(KEY), "seen at once"
    assert engine_standing(KEY).state == "in force"


def test_a_shell_lowers_and_raises_nothing() -> None:
    done = engine_apply(
        text=document(riskLimit="2%", maxPositionSize="60k", targetPosition="8k"), actor=SHELL
    )
    assert limit("gross-notional") == 20_000
    assert limit("position-notional") == 30_000
    assert (done.unasked, done.asked) == (True, None)
    assert not Approval.objects.exists()
    assert engine_standing(KEY).state == "differs"


def test_a_dry_run_says_it_and_does_nothing() -> None:
    done = engine_apply(text=document(riskLimit="1%"), actor=SHELL, dry_run=True)
    assert ways(done)["gross-notional"] == "lower"
    assert done.version is None
    assert limit("gross-notional") == 25_000
    assert not EngineVersion.objects.exists()


def test_a_risk_limit_of_nothing_is_a_hold_and_moves_no_limit() -> None:
    done = applied(riskLimit="0%")
    assert ways(done) == {}
    assert limit("gross-notional") == 25_000


@pytest.mark.parametrize(
    ("said", "kind", "less"),
    [
        ({"riskLimit": "0%"}, Kind.KILL, Kind.PAUSE),
        ({**SAID, "phase": "Emergency-Stop"}, Kind.KILL, Kind.REDUCE_ONLY),
        ({**SAID, "phase": "Paused"}, Kind.PAUSE, Kind.REDUCE_ONLY),
    ],
)
def test_a_document_that_stops_is_in_force_while_its_hold_stands(
    said: dict[str, Any], kind: Kind, less: Kind
) -> None:
    applied(**said)
    hold(less, f"strategy:{KEY}")
    hold(kind, "strategy:other")
    assert (engine_standing(KEY).state, engine_standing(KEY).apart) == ("differs", False)
    assert f"is a {kind}, and none stands on strategy:{KEY}" in engine_standing(KEY).why
    placed = hold(kind, f"strategy:{KEY}")
    assert (engine_standing(KEY).state, engine_standing(KEY).why) == ("in force", "")
    if kind is Kind.KILL:  # which two people lift, by a request
        return
    HoldLift.objects.create(hold=placed, lifted_by="ada.risk", reason="over")
    assert engine_standing(KEY).state == "differs"
    applied(OLGA, **SAID)
    assert engine_standing(KEY).state == "in force"


@pytest.mark.parametrize(
    "who",
    [
        actor("felix.fx", TRADER, owns=("mr-fx",)),
        actor("jonas.sre", SRE),
        Actor(kind="token", name="t", token_scopes=frozenset({"stop"})),
    ],
    ids=["other trader", "sre", "token"],
)
def test_who_may_not_is_refused_and_recorded(who: Actor) -> None:
    with pytest.raises(NotAllowedError) as refused:
        applied(who, riskLimit="1%")
    assert refused.value.code in {"engine-not-yours", "engine-tokens-cannot"}
    assert limit("gross-notional") == 25_000
    (entry,) = entries("engine.store")
    assert entry["outcome"] == "denied"


# By two -------------------------------------------------------------------------------------------


def test_what_it_raises_takes_two_and_what_it_lowers_waits_for_nobody() -> None:
    done = applied(riskLimit="4%", maxPositionSize="20k", targetPosition="16k")
    assert done.asked is not None
    assert limit("position-notional") == 20_000
    assert limit("gross-notional") == 25_000
    assert engine_standing(KEY).state == "waits"
    assert done.asked.request["settings"] == {
        "gross-notional": "40000", "order-notional": "32000", "size": "16000",
    }  # fmt: skip
    assert applied(riskLimit="4%", maxPositionSize="20k", targetPosition="16k").asked == done.asked
    with pytest.raises(NotAllowedError, match="who asked cannot approve"):
        approved(done.asked, OLGA)
    approved(done.asked)
    assert (limit("gross-notional"), limit("order-notional")) == (D(40_000), D(32_000))
    assert Strategy.objects.get(key=KEY).size_notional == 16_000
    assert engine_standing(KEY).state == "in force"
    (entry,) = entries("engine.apply")
    assert (entry["before"]["size"], entry["after"]["size"]) == ("8000", "16000")


def test_an_old_factor_raises_nothing_though_what_is_lowered_stays() -> None:
    stale = actor("olga.fx", TRADER, owns=(KEY,), age_s=3600.0)
    with pytest.raises(NotAllowedError) as refused:
        applied(stale, riskLimit="4%", maxPositionSize="20k")
    assert refused.value.code == "approval-needs-step-up"
    assert limit("position-notional") == 20_000


def test_a_newer_version_or_another_limit_makes_the_request_void() -> None:
    first = applied(riskLimit="4%").asked
    assert first is not None
    second = applied(riskLimit="5%").asked
    assert second is not None
    with pytest.raises(ApprovalVoidError, match="version"):
        approved(first)
    limit_tighten(scope=f"strategy:{KEY}", kind="gross-notional", value="20000", actor=ADA)
    with pytest.raises(ApprovalVoidError, match="settings"):
        approved(second)
    assert limit("gross-notional") == 20_000


def test_only_exactly_what_a_version_raises_can_be_asked_for() -> None:
    row = applied(riskLimit="4%").version
    assert row is not None
    good = {"version": 1, "digest": row.digest, "settings": {"gross-notional": "40000"}}

    def asks(request: dict[str, Any]) -> Approval:
        return approval_request(
            kind="engine-apply", subject=f"strategy:{KEY}", request=request, actor=OLGA, reason="x"
        )

    for bad in (
        {**good, "version": 7}, {**good, "digest": "x"}, {**good, "more": 1},
        {**good, "version": "1"}, {**good, "settings": {}},
    ):  # fmt: skip
        with pytest.raises(RequestError):
            asks(bad)
    other = asks({**good, "settings": {"gross-notional": "90000"}})
    with pytest.raises(RequestError, match="raises these, exactly: gross-notional 40000"):
        approved(other)
    assert limit("gross-notional") == 25_000


def test_parameters_and_instruments_are_never_plainly_lower() -> None:
    done = applied(parameters={"enter": 0.8}, instruments=["EURUSD", "GBPUSD", "AUDUSD"])
    assert ways(done) == {"parameters": "raise", "instruments": "raise"}
    assert done.asked is not None
    approved(done.asked)
    row = Strategy.objects.get(key=KEY)
    assert (row.parameters, row.symbols) == ({"enter": 0.8}, ["EURUSD", "GBPUSD", "AUDUSD"])
    Position.objects.create(
        account_id="paper-1", strategy=row, symbol="AUDUSD", quantity=Decimal(1000)
    )
    with pytest.raises(EngineInvalidError, match="AUDUSD is held"):
        applied(instruments=["EURUSD"])


def test_parameters_are_compared_in_full() -> None:
    assert ways(applied(parameters={"enter": 0.9})) == {}
    done = applied(parameters={"enter": 0.9000001, "fast_s": 3})
    assert ways(done) == {"parameters": "raise"}
    assert done.asked is not None
    assert done.asked.request["settings"] == {"parameters": "enter 0.9000001, fast_s 3"}
    approved(done.asked)
    assert engine_standing(KEY).state == "in force"


def test_a_new_strategy_is_made_by_two_people_and_may_not_trade() -> None:
    text = document("mom-new", account="paper-1", instruments=["EURUSD"], maxPositionSize="9k")
    done = engine_apply(text=text, actor=actor("olga.fx", TRADER), reason="a new idea")
    assert not Strategy.objects.filter(key="mom-new").exists()
    assert done.asked is not None
    approved(done.asked)
    made = Strategy.objects.get(key="mom-new")
    assert (made.kind, made.owner, made.symbols) == ("momentum", "olga.fx", ["EURUSD"])
    assert made.size_notional == 6_000  # two thirds of what its limits take
    assert not Stage.objects.filter(strategy="mom-new").exists()
    kinds = ("gross-notional", "position-notional", "order-notional", "order-rate", "open-orders")
    assert [limit(one, "mom-new") for one in kinds] == [25_000, 9_000, 12_000, 5, 20]


def test_an_arbitrage_on_two_accounts_is_held_and_seen_on_both() -> None:
    VenueAccount.objects.create(
        name="paper-7",
        venue="Paper Seven",
        adapter="trading.venues.paper.PaperVenue",
        address="h:1",
    )
    text = document(
        "arb-new", type="arbitrage", account="paper-1", secondAccount="paper-7", riskLimit="1%",
        instruments=["BTCUSDT", "BTCUSDT-PERP"], maxPositionSize="9k",
    ).replace("- FOREX", "- CRYPTO")  # fmt: skip
    done = engine_apply(text=text, actor=actor("olga.fx", TRADER), reason="a new idea")
    assert done.asked is not None
    approved(done.asked)
    made = Strategy.objects.get(key="arb-new")
    assert made.account_ids == ["paper-1", "paper-7"]
    assert made.rehearsal_ids == [], "not both have one"
    assert {"venue:paper-1", "venue:paper-7", "venue:paper-seven"} <= scopes_over(made)
    assert "arb-new" in [one.key for one in covered("venue:paper-7").strategies]
    assert {"paper-1", "paper-7"} == {one.name for one in covered("strategy:arb-new").accounts}
    (own,) = [one for one in held_by("olga.fx") if one.key == "arb-new"]
    assert [place[0] for place in own.places] == ["paper-1", "paper-7"]
    moved = document(
        "arb-new", type="arbitrage", secondAccount="paper-2", riskLimit="1%",
        instruments=["BTCUSDT", "BTCUSDT-PERP"], maxPositionSize="9k",
    ).replace("- FOREX", "- CRYPTO")  # fmt: skip
    with pytest.raises(EngineInvalidError, match="second leg of arb-new trades on paper-7"):
        engine_apply(text=moved, actor=ADA)
    with pytest.raises(IntegrityError, match="strategy_second_account"), transaction.atomic():
        Strategy.objects.filter(key="arb-new").update(second_account="paper-1")


def test_what_does_not_fit_the_desk_names_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    cases = [
        (document(type="mean-reversion"), "type", "mom-fx is momentum"),
        (document(account="paper-9"), "account", "mom-fx trades on paper-1"),
        (document("new", account="paper-9", instruments=["EURUSD"]), "account", "no account paper"),
        (document("new", account="paper-1"), "instruments", "a new strategy needs it"),
        (document(riskLimit="0.000001%"), "riskLimit", "less than a cent"),
    ]
    for text, field, said in cases:
        with pytest.raises(EngineInvalidError, match=said) as refused:
            engine_apply(text=text, actor=ADA)
        found = refused.value.problems[0]
        assert found.field == f"spec.strategy.{field}"
        assert found.line == line_of(text, field if f"{field}:" in text else "strategy:")
    monkeypatch.delitem(DEFAULTS, "momentum")
    with pytest.raises(EngineInvalidError, match="momentum is not run by this desk"):
        engine_apply(text=document(), actor=ADA)
    monkeypatch.undo()
    Limit.objects.filter(scope="firm").delete()
    with pytest.raises(EngineInvalidError, match="firm's gross-notional limit is not set"):
        engine_apply(text=document(), actor=ADA)


# Versions and patches -----------------------------------------------------------------------------


def test_versions_are_kept_for_ever_and_compared() -> None:
    applied()
    done = engine_patch(
        name=KEY, patch={"spec": {"strategy": {"riskLimit": "0.1%"}, "latency": None}}, actor=OLGA
    )
    assert limit("gross-notional") == 1_000
    assert done.version is not None
    assert [one.number for one in versions_of(KEY)] == [2, 1]
    assert [(one.name, one.before, one.after) for one in version_diff(KEY, 1, 2).changes] == [
        ("spec latency targetLatency", "10ms", None),
        ("spec strategy riskLimit", "2.5%", "0.1%"),
    ]
    assert [one.name for one in engine_standings()] == [KEY]
    row = done.version
    for change in (
        "UPDATE trading_engineversion SET made_by = 'x'", "DELETE FROM trading_engineversion",
        "TRUNCATE trading_engineversion",
    ):  # fmt: skip
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(change)
    row.refresh_from_db()
    assert "riskLimit: 0.1%" in row.text


def test_a_patch_rests_on_the_version_that_was_seen() -> None:
    with pytest.raises(NoSuchEngineError, match="apply its document first"):
        engine_patch(name=KEY, patch={}, actor=OLGA)
    applied()
    small = {"spec": {"strategy": {"riskLimit": "2%"}}}
    with pytest.raises(NotAllowedError) as refused:
        engine_patch(name=KEY, patch=small, actor=OLGA, version=4)
    assert refused.value.code == "engine-version"
    for bad in ({"spec": 3}, {"spec": {"strategy": {"riskLimit": "x"}}}, {"kind": None}):
        with pytest.raises(EngineInvalidError):
            engine_patch(name=KEY, patch=bad, actor=OLGA)
    with pytest.raises(NotAllowedError, match="cannot rename"):
        engine_patch(name=KEY, patch={"metadata": {"name": "other"}}, actor=OLGA)
    assert limit("gross-notional") == 25_000
    engine_patch(name=KEY, patch=small, actor=OLGA, version=1)
    assert limit("gross-notional") == 20_000


@pytest.mark.parametrize("version", [1, None])
def test_a_version_that_is_stored_between_reading_and_merging_is_not_undone(
    version: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    applied()

    def meanwhile(config: EngineConfig) -> list[Problem]:
        monkeypatch.undo()
        applied(ADA, riskLimit="1%")
        return judge(config)

    monkeypatch.setattr("trading.engines.service.judge", meanwhile)
    with pytest.raises(NotAllowedError, match="it is version 2 by now, not 1") as refused:
        engine_patch(
            name=KEY, patch={"spec": {"strategy": {"maxPositionSize": "20k"}}}, actor=OLGA,
            version=version,
        )  # fmt: skip
    assert refused.value.code == "engine-version"
    assert (limit("gross-notional"), limit("position-notional")) == (D(10_000), D(30_000))
    assert [one.number for one in versions_of(KEY)] == [2, 1]


def test_a_document_is_applied_on_the_version_that_was_seen() -> None:
    text = document(riskLimit="1%")
    for dry_run in (True, False):
        with pytest.raises(NotAllowedError, match="there is no version yet"):
            engine_apply(text=text, actor=OLGA, version=1, dry_run=dry_run)
    applied()
    assert engine_apply(text=text, actor=OLGA, version=1).version == versions_of(KEY)[0]
    with pytest.raises(NotAllowedError, match="it is version 2 by now"):
        engine_apply(text=text, actor=OLGA, version=1)
