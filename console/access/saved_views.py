"""Keeping and forgetting searches of the record: one's own."""

from django.contrib.auth.models import User
from django.db import transaction

from console.models import SavedView
from riskctl.actors import Actor
from riskctl.approvals.kinds import RequestError
from riskctl.approvals.recording import recorded

MOST = 40
NAME_MOST = 60
QUERY_MOST = 1500


def views_of(username: str) -> list[SavedView]:
    return list(SavedView.objects.filter(owner__username=username))


def view_save(*, name: str, query: str, actor: Actor) -> SavedView:
    """Keep ``query`` under ``name``, in place of what had that name. Raises RequestError."""
    said = name.strip()
    if not said or len(said) > NAME_MOST or not said.isprintable():
        raise RequestError("name", f"say a name of 1 to {NAME_MOST} characters")
    if len(query) > QUERY_MOST:
        raise RequestError("query", "this search is too long to keep: take something out of it")
    with transaction.atomic():
        owner = User.objects.select_for_update().get(username=actor.name)
        row = SavedView.objects.filter(owner=owner, name=said).first()
        if row is None and SavedView.objects.filter(owner=owner).count() >= MOST:
            raise RequestError("name", f"you keep {MOST} views: delete one first")
        before = {"query": row.query} if row else None
        row = row or SavedView(owner=owner, name=said)
        row.query = query
        row.save()
        thing = ("view", f"{owner.username}/{said}")
        recorded("view.save", actor, thing, before=before, after={"query": query})
        return row


def view_delete(*, view_id: int, actor: Actor) -> None:
    """Forget one's own; one that is not there is forgotten already."""
    with transaction.atomic():
        row = SavedView.objects.filter(pk=view_id, owner__username=actor.name).first()
        if row is not None:
            thing = ("view", f"{actor.name}/{row.name}")
            recorded("view.delete", actor, thing, before={"query": row.query})
            row.delete()
