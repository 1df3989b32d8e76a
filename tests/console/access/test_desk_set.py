"""Desks from the shell: a thin skin over the service, whose errors it says in one line."""

import pytest
from django.core.management import CommandError, call_command

from console.access.desks import held_by, membership_set
from console.models import Desk
from tests.console.access.world import somebody, two_desks
from tests.console.conftest import entries

pytestmark = pytest.mark.django_db


def test_a_desk_is_made_and_changed_and_its_people_stay(capsys: pytest.CaptureFixture[str]) -> None:
    two_desks()
    call_command("desk_set", "rates", title="Rates", strategies="mom-fx, mr-fx", rights="pause")
    assert capsys.readouterr().out == "rates: 2 strategies, view, pause\n"
    ines = somebody("ines.rates", "trader")
    membership_set(ines, Desk.objects.get(key="rates"), member=True)
    call_command("desk_set", "rates", title="Rates", strategies="mr-fx", reason="one is closed")
    desk = Desk.objects.get(key="rates")
    assert [one.get_username() for one in desk.people.all()] == ["ines.rates"]
    seen = {one.key for one in held_by("ines.rates") if "view" in one.rights}
    assert seen == {"mr-fx"}
    actors = [one["actor"] for one in entries("desk.set") if one["object_id"] == "rates"]
    assert len(actors) == 2
    assert all(one.startswith("shell:") for one in actors)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"strategies": "mom-fx,none-such"}, "strategies: there is no strategy none-such"),
        ({"strategies": "mom-fx", "rights": "view,kill"}, "rights: kill: none of view, pause"),
    ],
)
def test_what_cannot_be_is_said_by_its_field(given: dict[str, str], said: str) -> None:
    two_desks()
    with pytest.raises(CommandError, match=said):
        call_command("desk_set", "rates", title="Rates", **given)
    assert not Desk.objects.filter(key="rates").exists()
