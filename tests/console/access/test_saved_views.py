"""Views of the record that somebody keeps: one's own, recorded, and not without end."""

import pytest
from django.contrib.auth.models import User

from console.access import saved_views
from console.access.saved_views import view_delete, view_save, views_of
from console.models import SavedView
from riskctl.approvals.kinds import RequestError
from riskctl.holds import RISK
from tests.console.access.world import actor, somebody
from tests.console.conftest import entries

pytestmark = pytest.mark.django_db

ADA, LENA = actor("ada.nwosu", RISK), actor("lena.fischer", RISK)


@pytest.fixture(autouse=True)
def _people() -> list[User]:
    return [somebody("ada.nwosu", RISK), somebody("lena.fischer", RISK)]


def test_it_is_kept_replaced_and_deleted_by_its_owner_alone() -> None:
    row = view_save(name=" Denials ", query="what=denials", actor=ADA)
    assert [(one.name, one.query) for one in views_of("ada.nwosu")] == [("Denials", "what=denials")]
    assert views_of("lena.fischer") == []
    assert view_save(name="Denials", query="outcome=denied", actor=ADA).pk == row.pk
    view_save(name="Denials", query="q=x", actor=LENA)
    view_delete(view_id=row.pk, actor=LENA)
    assert [one.query for one in views_of("ada.nwosu")] == ["outcome=denied"]
    view_delete(view_id=row.pk, actor=ADA)
    view_delete(view_id=row.pk, actor=ADA)
    assert views_of("ada.nwosu") == []
    kept = [(one["actor"], one["before"], one["after"]) for one in entries("view.save")]
    assert sorted(kept, key=str) == sorted(
        [
            ("ada.nwosu", None, {"query": "what=denials"}),
            ("ada.nwosu", {"query": "what=denials"}, {"query": "outcome=denied"}),
            ("lena.fischer", None, {"query": "q=x"}),
        ],
        key=str,
    )
    (deleted,) = entries("view.delete")
    assert (deleted["object_id"], deleted["before"]) == (
        "ada.nwosu/Denials", {"query": "outcome=denied"},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "query", "field"),
    [("", "q=x", "name"), ("  ", "q=x", "name"), ("x" * 61, "q=x", "name"),
     ("a\nb", "q=x", "name"), ("a", "q=" + "x" * 1500, "query")],
)  # fmt: skip
def test_what_cannot_be_kept_names_the_field(name: str, query: str, field: str) -> None:
    with pytest.raises(RequestError) as error:
        view_save(name=name, query=query, actor=ADA)
    assert error.value.field == field
    assert not SavedView.objects.exists()


def test_nobody_keeps_them_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saved_views, "MOST", 2)
    view_save(name="one", query="", actor=ADA)
    view_save(name="two", query="", actor=ADA)
    with pytest.raises(RequestError, match="delete one first"):
        view_save(name="three", query="", actor=ADA)
    view_save(name="two", query="q=x", actor=ADA)
    view_save(name="one", query="", actor=LENA)
