"""Who sees which strategies, and who may do what with them: desks, owners, roles."""

from types import SimpleNamespace
from typing import Any

import pytest
from django.test import RequestFactory

from console.access.capability import Capability
from console.access.desks import desk_set, membership_set
from console.access.rights import actor_of, owns_of, rights_of, rights_read
from console.access.sessions import Person, Standing
from console.access.visible import ALL, NOTHING, NotSeenError, Sight, sight_of, sight_read
from console.live.reduced import reduced
from riskctl.approvals.kinds import RequestError
from riskctl.holds import ADMIN, COMPLIANCE, OWN, RISK, SRE, TRADER
from tests.console.access.world import SETUP, on, somebody, two_desks
from tests.console.conftest import entries
from tests.pages.frames import desk_frame, hold_line, strategy_line
from trading.models import Strategy

pytestmark = pytest.mark.django_db


# Desks -------------------------------------------------------------------------------------------


def test_a_trader_sees_own_desks_and_own_strategies_and_nothing_else() -> None:
    world = two_desks()
    nina, boris = somebody("nina.fx", TRADER), somebody("boris.btc", TRADER)
    assert sight_read("nina.fx").strategies == frozenset(), "on no desk: nothing"
    on(world.fx, nina)
    sight = sight_read("nina.fx")
    assert sight.strategies == frozenset({"mom-fx", "mr-fx", "fx-shared"})
    assert not sight.all
    assert not sight.everything
    assert sight.sees("mom-fx")
    assert not sight.sees("mom-btc")
    assert not sight.sees(None), "what is nobody's"
    assert sight.accounts == {"paper-1", "paper-3"}
    assert sight.whole == {"paper-1"}, "others trade on paper-3 too"
    assert sight_read("boris.btc").strategies == frozenset({"mom-btc", "btc-shared"}), (
        "the owner, deskless"
    )
    on(world.crypto, nina)
    assert sight_read("nina.fx").everything
    membership_set(nina, world.fx, member=False)
    assert sight_read("nina.fx").strategies == frozenset({"mom-btc", "btc-shared"})
    assert boris.is_active


def test_two_desks_with_one_strategy_and_leaving_one_of_them() -> None:
    world = two_desks()
    both = desk_set(key="both", title="Both", strategies=["mom-fx", "mom-btc"],
                    rights=["view", "pause"], actor=SETUP)  # fmt: skip
    nina = somebody("nina.fx", TRADER)
    on(world.fx, nina)
    on(both, nina)
    assert rights_read("nina.fx").to("pause") == {"mom-fx", "mom-btc"}
    membership_set(nina, both, member=False)
    assert rights_read("nina.fx").to("view") == {"mom-fx", "mr-fx", "fx-shared"}
    assert rights_read("nina.fx").to("pause") == frozenset()


def test_what_a_desk_loses_its_people_lose() -> None:
    world = two_desks()
    nina = somebody("nina.fx", TRADER)
    on(world.fx, nina)
    desk_set(key="fx", title="FX", strategies=["mr-fx"], rights=["view", "resize"], actor=SETUP)
    assert rights_read("nina.fx").to("view") == {"mr-fx"}
    assert rights_read("nina.fx").to("resize") == {"mr-fx"}
    assert entries("desk.set")[-1]["before"]["strategies"] == ["fx-shared", "mom-fx", "mr-fx"]
    count = len(entries("desk.set"))
    desk_set(key="fx", title="FX", strategies=["mr-fx"], rights=["view", "resize"], actor=SETUP)
    assert len(entries("desk.set")) == count, "nothing changed"


@pytest.mark.parametrize(
    ("wrong", "field"), [({"strategies": ["mom-fx", "none"]}, "strategies"),
                         ({"rights": ["view", "kill"]}, "rights")],
)  # fmt: skip
def test_a_desk_of_what_is_not_there_is_refused(wrong: dict[str, Any], field: str) -> None:
    two_desks()
    given: dict[str, Any] = {"key": "x", "title": "X", "strategies": ["mom-fx"]} | wrong
    with pytest.raises(RequestError) as refused:
        desk_set(**given, actor=SETUP)
    assert refused.value.field == field


def test_other_roles_see_all_or_nothing_whatever_desk_they_are_on() -> None:
    world = two_desks()
    for role in (RISK, SRE, COMPLIANCE):
        assert sight_read(somebody(f"{role}.one", role).username) == ALL
    admin, nobody = somebody("admin.one", ADMIN), somebody("no.role")
    on(world.fx, admin, nobody)
    assert sight_read("admin.one") == sight_read("no.role") == NOTHING
    assert sight_read("who.is.not") == NOTHING
    somebody("both.one", ADMIN, TRADER)
    assert sight_read("both.one").strategies == frozenset()


def test_scopes_and_sums_that_somebody_sees() -> None:
    world = two_desks()
    on(world.fx, somebody("nina.fx", TRADER))
    sight = sight_read("nina.fx")
    seen = {"firm", "strategy:mom-fx", "venue:paper-1", "venue:paper-3", "instrument:GBPUSD"}
    unseen = {"strategy:mom-btc", "venue:paper-2", "instrument:BTCUSDT", "strategy:", "x"}
    assert {one for one in seen | unseen if sight.sees_scope(one)} == seen
    assert {one for one in seen | unseen if sight.sums(one)} == {
        "strategy:mom-fx", "venue:paper-1", "instrument:GBPUSD"
    }  # fmt: skip
    assert all(ALL.sums(one) and ALL.sees_scope(one) for one in seen | unseen)
    assert {one for one in seen | unseen if NOTHING.sees_scope(one)} == {"firm"}
    with pytest.raises(NotSeenError, match="its desk, risk, SRE and compliance see it"):
        sight.check("mom-btc")
    with pytest.raises(NotSeenError) as hidden:
        sight.check("mom-btc")
    with pytest.raises(NotSeenError) as missing:
        sight.check("not-it")
    told = str(hidden.value).replace("mom-btc", "?")
    assert told == str(missing.value).replace("not-it", "?"), "it does not tell which is there"


# Rights ------------------------------------------------------------------------------------------


def request_of(name: str) -> Any:
    request = RequestFactory().get("/")
    request.session = SimpleNamespace(get=lambda *_: None)  # type: ignore[assignment]
    return actor_of(request, Person(Standing.FACTOR, SimpleNamespace(get_username=lambda: name)))  # type: ignore[arg-type]


def test_the_owner_may_all_and_a_desk_what_it_says() -> None:
    world = two_desks(rights=("view", "pause"))
    somebody("olga.fx", TRADER)
    on(world.fx, somebody("nina.fx", TRADER))
    olga, nina = request_of("olga.fx"), request_of("nina.fx")
    assert olga.owns == olga.resumes == olga.resizes == {"mom-fx", "fx-shared"}
    assert nina.owns == {"mom-fx", "mr-fx", "fx-shared"} == owns_of("nina.fx")
    assert nina.resumes == nina.resizes == frozenset()
    assert nina.standings("strategy:mom-fx") == {TRADER, OWN}
    assert nina.standings("strategy:mom-fx", back=True) == {TRADER}, "stopped, not brought back"
    assert olga.standings("strategy:mom-fx", back=True) == {TRADER, OWN}
    assert nina.standings("strategy:mom-btc") == {TRADER}
    assert olga.resizes_one("mom-fx")
    assert not nina.resizes_one("mom-fx")


def test_who_is_no_trader_owns_nothing_on_a_desk_or_off() -> None:
    world = two_desks(rights=("view", "pause", "resume", "resize"))
    on(world.fx, somebody("sre.one", SRE), somebody("olga.fx", COMPLIANCE))
    for name in ("sre.one", "olga.fx"):
        actor = request_of(name)
        assert actor.owns == frozenset()
        assert OWN not in actor.standings("strategy:mom-fx")
        assert not actor.resizes_one("mom-fx")
    somebody("ada.risk", RISK)
    assert request_of("ada.risk").resizes_one("mom-btc")


def test_rights_are_read_once_a_request_and_anew_for_the_next() -> None:
    world = two_desks()
    nina = somebody("nina.fx", TRADER)
    request = RequestFactory().get("/")
    assert rights_of(request, "nina.fx").to("view") == frozenset()
    on(world.fx, nina)
    assert rights_of(request, "nina.fx").to("view") == frozenset()
    assert rights_of(RequestFactory().get("/"), "nina.fx").to("view")
    assert rights_of(request, "olga.fx").name == "olga.fx", "never another's"


def test_a_capability_shows_what_its_bearer_owned_then() -> None:
    def carried(*roles: str, owns: tuple[str, ...] = ()) -> Sight:
        behind = Capability("person", "nina.fx", "nina.fx", roles, owns, 1, "browser")
        return sight_of(RequestFactory().get("/"), behind)

    assert carried(RISK) == ALL
    assert carried(TRADER, owns=("mom-fx",)).strategies == frozenset({"mom-fx"})
    assert carried(ADMIN).strategies == frozenset()
    assert carried(TRADER).sees_scope("firm")


# Frames ------------------------------------------------------------------------------------------


def sight(*keys: str) -> Sight:
    return Sight(frozenset(keys), scopes=frozenset({"firm", *(f"strategy:{one}" for one in keys)}))


def test_a_frame_loses_what_is_not_theirs_and_its_sums_follow() -> None:
    lines = [
        strategy_line("a", pnl="1.10", fees="0.05", orders_open=1, fills=3, holds=[hold_line()]),
        strategy_line("b", pnl="2.25", fees="0.15", orders_open=2, fills=4, state="UNKNOWN"),
        strategy_line("c", pnl="1000.00", fees="9.00", orders_open=9, fills=99),
    ]
    firm = {"state": "ACTIVE", "why": "", "mode": "ACTIVE", "holds": 7, "on": 3, "hold": None}
    near = [{"name": "loss", "scope": scope, "state": "warning", "share": "0.9"}
            for scope in ("firm", "strategy:a", "strategy:c")]  # fmt: skip
    frame = desk_frame(*lines, firm=firm, triggers={"ok": 1, "near": near})
    found = reduced(frame, sight("a", "b"))
    assert [one["key"] for one in found["strategies"]] == ["a", "b"]
    assert found["strategies"] == lines[:2]
    sums = found["totals"]
    assert (sums["pnl_today"], sums["fees"]) == ("3.35", "0.20")
    assert (sums["fills"], sums["orders_open"], sums["strategies"]) == (7, 3, 2)
    assert (sums["active"], sums["unknown"], sums["held"]) == (1, 1, 0)
    assert (found["firm"]["holds"], found["firm"]["on"]) == (1, 1)
    assert found["firm"]["state"] == "ACTIVE"
    shown = {one["scope"]: one["share"] for one in found["triggers"]["near"]}
    assert shown == {"firm": None, "strategy:a": "0.9"}, "the firm's figure holds those of others"
    assert found["seq"] == frame["seq"]
    assert "1000.00" not in str(found)


def test_one_unknown_part_makes_their_sum_unknown_and_names_its_symbol() -> None:
    held = {"symbol": "GBPUSD", "quantity": "1", "mark": None, "unrealised": None}
    lines = [
        strategy_line("a", pnl=None, unrealised=None, gross=None, net=None, position=[held]),
        strategy_line("b", pnl="2.25", unrealised="1.00", gross="10.00", net="-10.00"),
        strategy_line("c"),
    ]
    sums = reduced(desk_frame(*lines), sight("a", "b"))["totals"]
    assert sums["pnl_today"] is None
    assert sums["unmarked"] == ["GBPUSD"]
    assert sums["marked"] == {
        "pnl_today": "2.25", "unrealised": "1.00", "gross": "10.00", "net": "-10.00"
    }  # fmt: skip


def test_a_frame_without_anything_of_others_stays_as_it_is() -> None:
    frame = desk_frame(strategy_line("a"))
    assert reduced(frame, ALL) == reduced(frame, sight("a")) == frame
    nothing = reduced(frame, NOTHING)
    assert nothing["strategies"] == []
    assert nothing["totals"]["pnl_today"] == "0.00"
    assert nothing["firm"]["state"] == "ACTIVE"


def test_strategies_made_later_are_not_seen_by_who_saw_all_there_were() -> None:
    world = two_desks()
    nina = somebody("nina.fx", TRADER)
    on(world.fx, nina)
    on(world.crypto, nina)
    before = sight_read("nina.fx")
    old = Strategy.objects.get(key="mom-fx")
    Strategy.objects.create(
        key="new", kind="momentum", owner="x", account=old.account, symbols=[], size_notional=1
    )
    assert not before.sees("new")
    assert sight_read("nina.fx") != before, "which is how an open socket notices"
    assert "paper-1" not in sight_read("nina.fx").whole
