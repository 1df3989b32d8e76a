"""TradingEngine documents: their versions, what is in force of them, checking and asking."""

import re
from collections.abc import Sequence
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from console.access.engines_seen import engine_seen
from console.access.sessions import Person
from console.api.base import ApiView, described
from console.api.bodies import OPERATOR, REASON, flag_part, text_part, whole_part
from console.api.engine_shapes import (
    AppliedShape,
    BacktestShape,
    CheckShape,
    DiffShape,
    EngineAlertShape,
    EngineShape,
    VersionShape,
)
from console.api.holds import LIFT_PROBLEMS, READ_ONE
from console.api.paging import Order, paged
from console.api.problems import BodyInvalidError, NoSuchError, QueryInvalidError
from console.api.queries import CURSOR, LIMIT, LIMIT_WHOLE, Field, choice, name_field
from console.api.writes import WriteView, posted, version_seen
from riskctl.actors import Actor
from trading.backtest.keeping import backtests_of
from trading.engines.composing import MOST_BYTES
from trading.engines.judging import judge
from trading.engines.problems import EngineInvalidError, Problem, errors_in
from trading.engines.reading import read_engine
from trading.engines.service import Applied, engine_patch
from trading.engines.standing import engine_standing
from trading.engines.versions import version_diff, version_get, versions_of
from trading.engines.wanted import settings_of
from trading.models import EngineAlert, Strategy

CONFIG = text_part("config", "The document, YAML.", required=True, longest=MOST_BYTES)
DRY_RUN = flag_part("dry_run", "true: say what it would do, and do nothing.")
CHECK_FIELDS = (CONFIG, flag_part("strict", "true: warnings refuse it too."))
SEEN = whole_part("version", "The latest as it was seen; the latest when not given.")
ASK_FIELDS = (SEEN, REASON, OPERATOR)
ANSWERS: dict[int, tuple[Any, str]] = {
    200: (AppliedShape, "Kept, and what it lowers is lowered; it raises nothing."),
    202: (AppliedShape, "Kept, and what it lowers is lowered; asked: what it raises."),
}


def _number(text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,8}", text):
        raise ValueError(text)
    return int(text)


def _digest(text: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{64}", text):
        raise ValueError(text)
    return text


FROM = Field("from", _number, "a version's number", "The version before; the one before to.")
TO = Field("to", _number, "a version's number", "The version after; the latest when not given.")
DIFF_QUERY = (FROM, TO)
BACKTESTS_QUERY = (
    Field("document", _digest, "a digest, 64 hexadecimal digits", "Only of this document."),
    LIMIT_WHOLE,
)
STATUS = choice("status", ("open", "ended", "all"), "open when not given.")
ALERTS_QUERY = (STATUS, name_field("engine", "Only of this engine."), LIMIT, CURSOR)
NEWEST = Order("began_at", "id")


class EnginesView(ApiView):
    def check_seen(self, name: str) -> None:
        """A strategy that is still to be made is seen by who sees all, and by who wrote it down.

        Raises NotSeenError.
        """
        if not self.sees(name):
            self.sight.check(name)

    def sees(self, name: str) -> bool:
        behind = self.request.auth
        person = behind.name if isinstance(behind, Person) else ""
        return engine_seen(self.sight, person, name)


class EngineOne(EnginesView):
    @described(
        EngineShape, "The latest document, its version in ETag, and what is in force of it.",
        name="engine", problems=READ_ONE,
    )  # fmt: skip
    def get(self, request: Request, engine: str) -> Response:
        self.check_seen(engine)
        row = engine_standing(engine)
        return Response(EngineShape(row).data, headers={"ETag": f'"{row.version.number}"'})


class EngineVersions(EnginesView):
    query = (LIMIT_WHOLE,)

    @described(
        VersionShape(many=True), "Every version of a document, newest first.", (LIMIT_WHOLE,),
        name="engine_versions", problems=READ_ONE,
    )  # fmt: skip
    def get(self, request: Request, engine: str) -> Response:
        self.check_seen(engine)
        rows = versions_of(engine)
        if not rows:
            raise NoSuchError(f"There is no engine '{engine}'. See /api/engines.")
        return Response(VersionShape(rows[: self.given.get("limit")], many=True).data)


class EngineBacktests(EnginesView):
    query = BACKTESTS_QUERY

    @described(
        BacktestShape(many=True), "Backtests that were kept of a document, newest first.",
        BACKTESTS_QUERY, name="engine_backtests", problems=READ_ONE,
    )  # fmt: skip
    def get(self, request: Request, engine: str) -> Response:
        self.check_seen(engine)
        rows = backtests_of(engine, self.given.get("document", ""), most=self.given.get("limit"))
        return Response(BacktestShape(rows, many=True).data)


class EngineDiff(EnginesView):
    query = DIFF_QUERY

    @described(
        DiffShape, "What differs between two versions, field by field.", DIFF_QUERY,
        name="engine_diff", problems=READ_ONE,
    )  # fmt: skip
    def get(self, request: Request, engine: str) -> Response:
        self.check_seen(engine)
        after = self.given.get("to") or version_get(engine).number
        before = self.given.get("from") or after - 1
        if before < 1:
            raise QueryInvalidError("from", "There is no version before the first.", FROM.allowed)
        return Response(DiffShape(version_diff(engine, before, after)).data)


class EngineAlerts(EnginesView):
    query = ALERTS_QUERY

    @described(
        EngineAlertShape(many=True), "Alerts of documents, newest first; open ones.", ALERTS_QUERY,
        name="engine_alerts",
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        rows = self.sight.narrowed(EngineAlert.objects.order_by("-began_at", "-id"), "engine")
        status = self.given.get("status", "open")
        if status != "all":
            rows = rows.filter(ended_at__isnull=status == "open")
        if "engine" in self.given:
            rows = rows.filter(engine=self.given["engine"])
        return paged(request, rows, NEWEST, self.given, EngineAlertShape)


class EngineCheck(WriteView, EnginesView):
    """Changes nothing, so a token that reads may do it."""

    fields = CHECK_FIELDS
    token_scopes = frozenset({"read"})

    @posted(
        {200: (CheckShape, "What is wrong with it, and beside what is in force.")},
        "Judges a document without keeping it, as `haltline risk-validator` does.",
        name="engine_check",
        fields=CHECK_FIELDS,
    )
    def post(self, request: Request) -> Response:
        strict = bool(self.said.values.get("strict"))
        try:
            config = read_engine(self.said.text("config"))
        except EngineInvalidError as error:
            return Response(_checked(error.problems, strict))
        problems = judge(config)
        new = not Strategy.objects.filter(key=config.name).exists()
        if not new and not self.sight.sees(config.name):
            return Response(_checked(problems, strict))
        try:
            settings = [one.body() for one in settings_of(config)]
        except EngineInvalidError as error:
            return Response(_checked([*error.problems, *problems], strict))
        return Response({**_checked(problems, strict), "settings": settings})


def _checked(problems: Sequence[Problem], strict: bool) -> dict[str, Any]:
    return {
        "valid": not errors_in(problems, strict=strict),
        "problems": [one.body() for one in problems],
        "settings": None,
    }


class EngineAsk(WriteView, EnginesView):
    """For a document that a shell has applied: no shell asks for anything."""

    fields = ASK_FIELDS

    @posted(
        ANSWERS,
        "Applies the latest version anew: asks for what it raises and what is not in force. Only "
        "while that is the version that the body or If-Match names.",
        name="engine_ask",
        fields=ASK_FIELDS,
        problems=(*LIFT_PROBLEMS, 412),
    )
    def post(self, request: Request, engine: str) -> Response:
        actor = self.actor(request)
        return self.once(request, actor, lambda: self.ask(request, engine, actor))

    def ask(self, request: Request, engine: str, actor: Actor) -> Response:
        self.check_seen(engine)
        matched, named = version_seen(request), self.said.values.get("version")
        if None not in (matched, named) and matched != named:
            raise BodyInvalidError("version", f"is {named}, and If-Match {matched}", "one of them")
        return answered(
            engine_patch(
                name=engine, patch={}, actor=actor, reason=self.said.text("reason"),
                version=named if matched is None else matched,
            )
        )  # fmt: skip


def answered(done: Applied) -> Response:
    return Response(AppliedShape(done).data, 202 if done.asked else 200)
