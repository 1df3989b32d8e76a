"""The access review in a browser: readable in both themes and on a phone; kept and asked for."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group, User

from console.access.roles import roles_reconcile
from console.models import Escalation
from riskctl.actors import system_actor
from tests.pages.conftest import _person
from tests.pages.web import Visit

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def ruth(db: None, mercy: User, tomas: User) -> User:
    """Compliance; and a gain of Mercy's that nothing accounts for."""
    roles_reconcile(actor=system_actor("desk start"))
    made = _person("ruth.adeyemi", "Ruth", "Adeyemi", "compliance")
    mercy.groups.add(Group.objects.get(name="risk"))
    return made


def test_an_alert_is_acknowledged_and_a_report_kept(
    visit_as: Callable[[User], Visit], ruth: User
) -> None:
    row = Escalation.objects.get(kind="role", who="mercy.okafor", what="risk")
    page = visit_as(ruth)("/access-review")
    field = f"#note-{row.pk}"

    def acknowledge() -> None:
        page.do(lambda one: one.locator(field).fill("a mistake, taken back"))
        page.do(lambda one: one.locator(field).press("Enter"))

    acknowledge()
    page.wait("document.querySelector('.said-success') !== null")
    row.refresh_from_db()
    assert (row.acknowledged_by, row.note) == ("ruth.adeyemi", "a mistake, taken back")
    assert page.count(field) == 0

    page.do(lambda one: one.locator("#reason").fill("the quarter's: looked at each person"))
    page.press_button("Keep this report and ask for the second signature")
    page.wait_for_address("**/approvals/*")
    assert "Sign off access review" in page.title
    assert page.violations() == []
    assert page.complaints == []
