"""Reports that gates can refer to: kept once, by their digest, never changed."""

from django.db import connection, transaction

from riskctl.actors import Actor, NotAllowedError
from riskctl.approvals.recording import recorded, refusals_recorded
from trading.backtest.report import body_of, line_of
from trading.backtest.run import Backtest
from trading.models import BacktestReport


def backtest_keep(*, done: Backtest, actor: Actor, reason: str = "") -> BacktestReport:
    """Keep a report; the one that is there, where the same was run before.

    Raises NotAllowedError (people run backtests; or other orders came of the same), db.Error.
    """
    name = done.config.name
    with refusals_recorded("engine.backtest", actor, ("engine", name), reason):
        if actor.kind != "person" or actor.token_scopes:
            raise NotAllowedError("backtest-people-only", "a person keeps a backtest's report")
    body = {**body_of(done, days=False), "line": line_of(done.figures.days, done.figures.capital)}
    with transaction.atomic():
        with connection.cursor() as cursor:  # two at once would both be the first
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"backtest:{name}"])
        known = BacktestReport.objects.filter(digest=done.digest).first()
        if known is not None:
            _check_same(known, done)
            return known
        row = BacktestReport.objects.create(
            digest=done.digest, name=name, document=done.bound["config"], body=body,
            first_day=body["first_day"], last_day=body["last_day"], made_by=actor.name,
            reason=reason,
        )  # fmt: skip
        recorded(
            "engine.backtest", actor, ("engine", name), reason=reason,
            after={
                "digest": done.digest, "document": done.bound["config"],
                "first_day": body["first_day"], "last_day": body["last_day"],
                "orders": done.orders,
            },
        )  # fmt: skip
        return row


def _check_same(known: BacktestReport, done: Backtest) -> None:
    if known.body["orders_digest"] != done.orders:
        raise NotAllowedError(
            "backtest-differs", "the same document, data and code gave other orders before: tell"
            " who looks after the code, and trust neither",
        )  # fmt: skip


def backtests_of(name: str, document: str = "", *, most: int | None = None) -> list[BacktestReport]:
    """Newest first. ``document``: only of the document with this digest (EngineVersion.digest)."""
    rows = BacktestReport.objects.filter(name=name).order_by("-made_at", "-id")
    return list((rows.filter(document=document) if document else rows)[:most])


def backtest_found(name: str, digest: str) -> BacktestReport | None:
    """The newest whose digest begins so."""
    rows = BacktestReport.objects.filter(name=name, digest__startswith=digest)
    return rows.order_by("-made_at", "-id").first()
