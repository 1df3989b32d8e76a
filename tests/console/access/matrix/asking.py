"""Asking one line of the table as one caller, and what must come of it."""

import datetime as dt
import functools
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.core.handlers.base import BaseHandler
from django.db import transaction
from django.test import RequestFactory

from audit.models import Entry
from console.access.matrix import TABLE
from console.access.matrix.rows import SCOPES, Caller, Door, Face, Row
from tests.console.access.matrix.samples import SAMPLES, Sample
from tests.console.access.matrix.world import ADDRESS, PEOPLE, World

_numbers = itertools.count(1)
NOTHING, PASSWORD, FULL, STALE, DISABLED = "no session", "password", "full", "stale", "disabled"


@dataclass(frozen=True)
class Cell:
    """One caller in one standing; ``scope`` of a token, ``disabled`` for one whose owner left."""

    caller: Caller | None
    standing: str
    scope: str = ""

    def __str__(self) -> str:
        return " / ".join(
            part for part in (str(self.caller or ""), self.standing, self.scope) if part
        )


CELL_OF_NOBODY = Cell(None, NOTHING)
PEOPLE_CELLS: tuple[Cell, ...] = (
    CELL_OF_NOBODY,
    *(Cell(who, how) for who in Caller for how in (PASSWORD, FULL, STALE, DISABLED)),
)
TOKEN_CELLS = tuple(Cell(who, "token", scope) for who in Caller for scope in (*SCOPES, DISABLED))


def all_cells_of(row: Row) -> tuple[Cell, ...]:
    """Every one; a page takes no token, whoever's it is, so that there one owner's are enough."""
    if row.face is not Face.PAGE:
        return PEOPLE_CELLS + TOKEN_CELLS
    return PEOPLE_CELLS + tuple(one for one in TOKEN_CELLS if one.caller is Caller.RISK)


def cells_of(row: Row) -> tuple[Cell, ...]:
    """Those in which it matters who asks, and of each of the others one or two, by turns.

    Who is turned away before anybody looks who it is gets the same whoever it is; and an old factor
    counts where the line asks for a fresh one. Each line meets every standing and every scope, each
    standing and scope every caller: ``all_cells_of`` is for `make test-all`.
    """
    turn = TABLE.index(row) if row in TABLE else 0
    kept: list[Cell] = []
    rest: dict[tuple[str, str, bool], list[Cell]] = {}
    for cell in all_cells_of(row):
        if _depends_on_who(row, cell):
            kept.append(cell)
        else:
            may = cell.standing == STALE and cell.caller in row.who
            rest.setdefault((cell.standing, cell.scope, may), []).append(cell)
    return (*kept, *(alike[turn % len(alike)] for alike in rest.values()))


def _depends_on_who(row: Row, cell: Cell) -> bool:
    if cell.scope:
        return cell.scope in row.tokens
    return cell.standing == FULL or (cell.standing == STALE and bool(row.step_up))


@dataclass(frozen=True)
class Expected:
    """``codes``: of which the answer's is one; empty: it is let in, and ends as its sample says."""

    statuses: tuple[int, ...]
    codes: tuple[str, ...] = ()

    @property
    def let_in(self) -> bool:
        return not self.codes


def expected(row: Row, cell: Cell) -> Expected:
    """What the table says."""
    if row.door is Door.OPEN:
        return _done(row)
    if cell.scope and row.face is not Face.PAGE:
        return _of_token(row, cell)
    if cell.scope or cell.standing in (NOTHING, DISABLED):
        return _turned_away(row, "no-session")
    if cell.standing == PASSWORD:
        return _done(row) if row.door is Door.PASSWORD else _turned_away(row, "factor-required")
    return _of_person(row, cell)


def _of_person(row: Row, cell: Cell) -> Expected:
    refusals, again = tuple(row.refusal.split()), tuple(row.step_up.split())
    stale = bool(again) and cell.standing == STALE
    if cell.caller in row.who:
        return Expected((row.again,), again) if stale else _done(row)
    if stale:
        return Expected((row.status, row.again, 403), (*refusals, *again))
    return Expected((row.status, 403), refusals)


def _of_token(row: Row, cell: Cell) -> Expected:
    """What a token may is in its scopes; what it sees is what its owner may see."""
    if cell.scope == DISABLED:
        return Expected((302 if row.face is Face.STOP else 401,), ("token-owner-inactive",))
    hidden = tuple(row.refusal.split())
    if cell.scope not in row.tokens:
        return Expected((403,), (*row.bearer.split(), *hidden))
    if cell.caller not in row.token_owners:
        return Expected((403,), hidden)
    return _done(row)


def _turned_away(row: Row, code: str) -> Expected:
    if row.face is Face.API:
        return Expected((401,), ("not-authenticated" if code == "no-session" else code,))
    if row.face is Face.STOP:
        return Expected((302,), ("not_authenticated" if code == "no-session" else code,))
    return Expected((302 if row.method == "GET" else 401,), (code,))


def _done(row: Row) -> Expected:
    return Expected(sample_of(row).done)


def sample_of(row: Row) -> Sample:
    return SAMPLES.get(row.key) or Sample()


def asked(world: World, row: Row, cell: Cell) -> Iterator[str]:
    """Ask, undo, and say what differs from the table; nothing when nothing does."""
    wanted, ident = expected(row, cell), f"matrix-{next(_numbers)}"
    with transaction.atomic():
        answer = _sent(world, row, cell, ident)
        denied = _denied(ident)
        transaction.set_rollback(True)
    got = answer.status_code
    if got not in wanted.statuses:
        yield f"{row.name}: {cell}: {got} {_code(answer)}, and not {wanted.statuses}"
    elif wanted.let_in:
        if got == 302 and "/sign-in" in answer["Location"] and row.path != "/sign-out":
            yield f"{row.name}: {cell}: sent to {answer['Location']}"
        if denied and got < 400:
            yield f"{row.name}: {cell}: let in and recorded as denied: {denied}"
    else:
        yield from _rightly_refused(row, cell, wanted, answer, denied)


def nothing_done(world: World, row: Row) -> Iterator[str]:
    """Ask by a method that the table has no line for: nobody, and one of those who may most."""
    most = Caller.RISK if len(row.method + row.path) % 2 else Caller.ADMIN
    for cell in (CELL_OF_NOBODY, Cell(most, FULL)):
        wanted = (405,) if cell.standing == FULL or row.door is Door.OPEN else (302, 401)
        with transaction.atomic():
            answer = _sent(world, row, cell, f"matrix-{next(_numbers)}")
            transaction.set_rollback(True)
        if answer.status_code not in wanted:
            yield f"{row.name}: {cell}: {answer.status_code}, and not {wanted}"


def _rightly_refused(
    row: Row, cell: Cell, wanted: Expected, answer: Any, denied: list[dict[str, Any]]
) -> Iterator[str]:
    where = f"{row.name}: {cell}"
    codes = {one["code"] for one in denied}
    if row.face is Face.API:
        if _code(answer) not in wanted.codes:
            yield f"{where}: code {_code(answer)}, and not {wanted.codes}"
    elif not codes & set(wanted.codes):
        yield f"{where}: recorded with {codes or 'nothing'}, and not {wanted.codes}"
    if answer.status_code == 302:
        step = "/sign-in/factor" if "factor-required" in wanted.codes else "/sign-in"
        if answer["Location"].split("?")[0] != step:
            yield f"{where}: sent to {answer['Location']}"
    if not denied:
        yield f"{where}: the refusal was not recorded"
    wrong = {one["actor"] for one in denied if not _is_who_asked(one["actor"], row, cell)}
    if wrong:
        yield f"{where}: recorded as of {wrong}"


def _is_who_asked(actor: str, row: Row, cell: Cell) -> bool:
    """A person by name, a token by its own with its owner's; whoever proves nothing: nobody."""
    name = PEOPLE[cell.caller][0] if cell.caller else ""
    if cell.scope == DISABLED and row.face is not Face.PAGE:
        return actor.endswith(f" of left.{name}")
    if cell.scope and row.face is not Face.PAGE:
        return actor.endswith(f" of {name}")
    proven = cell.standing in (PASSWORD, FULL, STALE)
    return actor == (name if proven else "anonymous")


def _sent(world: World, row: Row, cell: Cell, ident: str) -> Any:
    sample = sample_of(row)
    arguments = sample.arguments(world, cell.caller)
    path = row.path.replace("…", "no-such-thing").format(**arguments) + sample.query
    headers = {"X-Request-ID": ident}
    if cell.scope:
        assert cell.caller
        headers["Authorization"] = f"Bearer {world.tokens[cell.caller, cell.scope]}"
    said, method = sample.said(world, cell.caller), row.method
    sent = ("", "") if method == "GET" else _form(said)
    if method != "GET" and row.face is Face.API:
        sent = (json.dumps(said), "application/json")
    request: Any = RequestFactory(
        headers=headers, REMOTE_ADDR=_address(cell), HTTP_HOST="localhost"
    ).generic(method, path, *sent)
    request.COOKIES = dict(world.cookies.get((cell.caller, cell.standing), {}))
    request._dont_enforce_csrf_checks = True  # CSRF has its own tests, in a real browser
    return _handler().get_response(request)


@functools.cache
def _handler() -> BaseHandler:
    """All middleware, the URLconf and the views, without the test client's book-keeping."""
    made = BaseHandler()
    made.load_middleware()
    return made


def _form(said: dict[str, Any]) -> tuple[str, str]:
    return urlencode(said), "application/x-www-form-urlencoded"


def _address(cell: Cell) -> str:
    """Of its own for who proves too little: refusals slow down whom they come from."""
    if cell.standing in (FULL, STALE) or (cell.scope and cell.scope != DISABLED):
        return ADDRESS
    number = next(_numbers)
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def _denied(ident: str) -> list[dict[str, Any]]:
    """Denials in the record under this request; ``code`` says why."""
    found = []
    lately = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=1)  # for the sake of the index
    rows = Entry.objects.filter(recorded_at__gte=lately, request_id=ident, outcome="denied")
    for one in rows:
        after = json.loads(bytes(one.body)).get("after") or {}
        found.append({"actor": one.actor, "code": after.get("code", one.reason)})
    return found


def _code(answer: Any) -> str:
    if "json" not in answer.get("Content-Type", ""):
        return ""
    body = json.loads(answer.content)
    return str(body.get("code", "")) if isinstance(body, dict) else ""
