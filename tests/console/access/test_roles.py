"""Roles as groups: what the table says and nothing else, and what passes by it: nothing."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core.management import CommandError, call_command
from guardian.models import GroupObjectPermission, UserObjectPermission
from guardian.shortcuts import assign_perm, get_objects_for_user

from console.access.desks import held_by
from console.access.rights import rights_read, roles_of
from console.access.roles import (
    CONFLICTS,
    ROLES,
    SECOND,
    SEE_ALL,
    conflicts_of,
    permission_of,
    reads_people,
    roles_reconcile,
    sees_all,
)
from console.access.visible import ALL, NOTHING, sight_read
from riskctl.holds import ADMIN, COMPLIANCE, RISK, SRE, TRADER
from tests.console.access.world import SETUP, on, somebody, two_desks
from tests.console.conftest import entries
from trading.models import Strategy

pytestmark = pytest.mark.django_db


def held(role: str) -> set[str]:
    rows = Group.objects.get(name=role).permissions.values_list(
        "content_type__app_label", "codename"
    )
    return {f"{app}.{code}" for app, code in rows}


# The table ---------------------------------------------------------------------------------------


def test_the_five_roles_and_who_sees_what() -> None:
    assert list(ROLES) == [TRADER, RISK, SRE, COMPLIANCE, ADMIN]
    assert {one for one in ROLES if sees_all([one])} == {RISK, SRE, COMPLIANCE}
    assert {one for one in ROLES if reads_people([one])} == {RISK, COMPLIANCE, ADMIN}
    assert not sees_all(["no-role", TRADER])
    for one in ROLES.values():
        assert one.may
        for code in one.codes:
            assert permission_of(code).codename == code.partition(".")[2]


def test_who_grants_a_role_is_known_for_each_and_an_administrator_always_is_one() -> None:
    assert set(SECOND) == {*ROLES, "desk", "enable"}
    assert all(ADMIN in one for one in SECOND.values())
    assert RISK in SECOND[RISK] & SECOND[SRE]
    assert SECOND[ADMIN] == {ADMIN}


def test_conflicts_are_of_two_roles_of_the_table() -> None:
    assert {
        frozenset({TRADER, RISK}),
        frozenset({ADMIN, RISK}),
        frozenset({TRADER, COMPLIANCE}),
    } <= {one.roles for one in CONFLICTS}
    for one in CONFLICTS:
        assert len(one.roles) == 2
        assert one.roles <= set(ROLES)
        assert one.why
        assert one in conflicts_of([*one.roles, "no-role"])
    assert all(not conflicts_of([one]) for one in ROLES)
    assert [one.roles for one in conflicts_of([TRADER, RISK, SRE])] == [{TRADER, RISK}]


# Reconciling -------------------------------------------------------------------------------------


def test_an_empty_database_gets_every_role_as_the_table_says() -> None:
    Group.objects.all().delete()
    assert roles_reconcile(actor=SETUP) == [f"role {name}: added" for name in ROLES]
    assert {name: held(name) for name in ROLES} == {
        name: set(role.codes) for name, role in ROLES.items()
    }
    assert roles_reconcile(actor=SETUP) == []
    (entry,) = entries("role.reconcile")
    assert entry["after"]["changed"][0] == "role trader: added"


def test_what_is_missing_is_added_and_what_is_not_named_removed() -> None:
    roles_reconcile(actor=SETUP)
    trader, risk = Group.objects.get(name=TRADER), Group.objects.get(name=RISK)
    trader.permissions.add(permission_of(SEE_ALL))
    risk.permissions.remove(permission_of("trading.pause_strategy"))
    wanted = [
        "role trader: had trading.view_strategy, which the table does not name",
        "role risk: lacked trading.pause_strategy",
    ]
    assert roles_reconcile(actor=SETUP, check=True) == wanted
    assert SEE_ALL in held(TRADER), "a check changes nothing"
    assert roles_reconcile(actor=SETUP) == wanted
    assert held(TRADER) == set()
    assert held(RISK) == ROLES[RISK].codes


def test_the_command_says_what_differs_and_a_check_ends_with_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    call_command("roles_reconcile")
    call_command("roles_reconcile", "--check")
    assert capsys.readouterr().out.splitlines()[-1].startswith("in step: trader, risk")
    Group.objects.get(name=SRE).delete()
    with pytest.raises(CommandError, match="1 difference"):
        call_command("roles_reconcile", "--check")
    assert "role sre: missing" in capsys.readouterr().out
    assert not Group.objects.filter(name=SRE).exists()
    call_command("roles_reconcile")
    assert "role sre: added" in capsys.readouterr().out


def test_superusers_other_groups_and_permissions_by_hand_are_said_and_left() -> None:
    roles_reconcile(actor=SETUP)
    Group.objects.create(name="friends")
    root = somebody("root.one")
    root.is_superuser = True
    root.save()
    root.user_permissions.add(Permission.objects.get(codename="pause_strategy"))
    found = roles_reconcile(actor=SETUP)
    assert found == [
        "group friends: no role of the table, means nothing",
        "person root.one: is a superuser, and has no role while it is",
        "person root.one: holds pause_strategy apart from any role, means nothing",
    ]
    assert Group.objects.filter(name="friends").exists()


# What passes by the table, elsewhere -------------------------------------------------------------


def test_a_superuser_has_no_role_and_no_strategy_though_guardian_would_say_yes() -> None:
    world = two_desks(rights=("view", "pause", "resume", "resize"))
    root = somebody("root.one", RISK, TRADER)
    on(world.fx, root)
    assert sight_read("root.one") == ALL
    root.is_superuser = True
    root.save()
    fresh = User.objects.get(pk=root.pk)
    assert fresh.has_perm("trading.pause_strategy", Strategy.objects.get(key="mom-btc")), "the trap"
    assert get_objects_for_user(fresh, "trading.pause_strategy").count() == 5, "the trap"
    assert roles_of("root.one") == frozenset()
    assert rights_read("root.one").to("pause") == frozenset()
    assert sight_read("root.one") == NOTHING
    assert not any(one.rights for one in held_by("root.one"))


def test_who_left_has_nothing_though_guardian_would_list_it() -> None:
    world = two_desks()
    olga = somebody("nina.fx", TRADER)
    on(world.fx, olga)
    assert sight_read("nina.fx").strategies == frozenset({"mom-fx", "mr-fx", "fx-shared"})
    olga.is_active = False
    olga.save()
    fresh = User.objects.get(pk=olga.pk)
    assert get_objects_for_user(fresh, "trading.view_strategy").count() == 3, "the trap"
    assert roles_of("nina.fx") == frozenset()
    assert sight_read("nina.fx") == NOTHING
    assert not any(one.rights for one in held_by("nina.fx"))


def test_nobody_stands_for_people_without_a_name(settings: object) -> None:
    assert getattr(settings, "ANONYMOUS_USER_NAME", "unset") is None
    assert not User.objects.filter(username__in=["", "AnonymousUser"]).exists()
    assert roles_of("") == roles_of("AnonymousUser") == frozenset()
    assert sight_read("") == NOTHING


def test_a_group_that_is_no_role_gives_nothing() -> None:
    two_desks()
    friend = somebody("nina.fx", "friends", "Trader", "trader ")
    assert roles_of(friend.username) == frozenset()
    assert sight_read(friend.username) == NOTHING


def test_permissions_given_past_the_desks_give_nothing_to_groups_and_are_taken_back() -> None:
    two_desks()
    nina = somebody("nina.fx", TRADER)
    row = Strategy.objects.get(key="mom-btc")
    assign_perm("trading.view_strategy", Group.objects.get(name=TRADER), row)
    assert sight_read("nina.fx").strategies == frozenset()
    assign_perm("trading.pause_strategy", nina, row)
    assert roles_reconcile(actor=SETUP) == [
        "group trader: had view_strategy on mom-btc; desks give to people",
        "person nina.fx: had pause_strategy on mom-btc by no desk",
    ]
    assert not UserObjectPermission.objects.exists()
    assert not GroupObjectPermission.objects.exists()


def test_a_permission_lost_by_hand_comes_back_with_its_desk() -> None:
    world = two_desks()
    on(world.crypto, somebody("nina.fx", TRADER))
    UserObjectPermission.objects.filter(object_pk="mom-btc").delete()
    assert sight_read("nina.fx").strategies == frozenset({"btc-shared"})
    assert roles_reconcile(actor=SETUP) == ["person nina.fx: lacked view_strategy on mom-btc"]
    assert sight_read("nina.fx").strategies == frozenset({"btc-shared", "mom-btc"})


def test_two_statements_tell_all_of_a_trader_and_one_of_others(
    django_assert_num_queries: Callable[..., object],
) -> None:
    world = two_desks()
    on(world.fx, somebody("nina.fx", TRADER))
    somebody("ada.risk", RISK)
    with django_assert_num_queries(2):  # type: ignore[attr-defined]
        assert sight_read("nina.fx").strategies
    with django_assert_num_queries(1):  # type: ignore[attr-defined]
        assert sight_read("ada.risk").all
