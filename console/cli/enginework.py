"""What ``risk-validator``, ``apply`` and ``patch`` do; each returns an exit code."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import typer

from console.cli.bounded import why
from console.cli.codes import Code, EndError
from console.cli.desk import actor_here, console_address, desk_here, service
from console.cli.output import Form, show, show_json, show_table, tell
from console.cli.stops import PATIENCE_S, answer
from riskctl.actors import NotAllowedError
from riskctl.holds import ScopeError
from trading.engines.halting import engine_stop
from trading.engines.judging import judge
from trading.engines.problems import EngineInvalidError, Problem, errors_in
from trading.engines.reading import EngineConfig, read_engine
from trading.engines.stopping import (
    StopWished,
    only_stops,
    read_patch,
    stop_in_document,
    stop_in_patch,
)

T = TypeVar("T")
WANTED, SERVICE = "trading.engines.wanted", "trading.engines.service"


class _AwayError(Exception):
    """The desk could not be asked; the message says why."""


@dataclass(frozen=True, slots=True)
class _Run:
    """One ``apply`` or ``patch``: how it is shown, and what its stop came to, None without one."""

    named: str
    output: Form
    stopped: Code | None

    @property
    def stands(self) -> str:
        return "" if self.stopped is None else "; the stop stands"


def validated(path: Path, output: Form, *, strict: bool) -> Code:
    """Works without a desk, and says when it did."""
    found, problems = _read(path)
    settings: list[dict[str, Any]] | None = None
    unasked = "the document has errors"
    if found is not None:
        problems = judge(found)
        try:
            settings = _in_force(found)
        except EngineInvalidError as error:
            problems, unasked = [*error.problems, *problems], "it does not fit this desk"
        except _AwayError as error:
            unasked = str(error)
    refused = errors_in(problems, strict=strict)
    if output is Form.JSON:
        show_json(
            {
                "file": str(path), "strict": strict, "valid": not refused,
                "problems": [one.body() for one in problems], "settings": settings,
                "not_compared": "" if settings is not None else unasked,
            }
        )  # fmt: skip
    else:
        for one in problems:
            named = f"{one.field}: " if one.field else ""
            show(f"{path}:{one.line}: {one.grade}: {named}{one.text}")
        _show_settings(settings or [])
        show(f"{'REFUSED' if refused else 'VALID'}  {path}{', strict' if strict else ''}")
    if settings is None:
        tell(f"not compared with the limits in force: {unasked}")
    return Code.REFUSED if refused else Code.DONE


def stops(patch: str | None, file: str | None) -> bool:
    """Whether one of them wishes a stop; what cannot be read wishes none."""
    try:
        wished = (
            patch is not None and stop_in_patch("any", read_patch(patch)),
            file is not None and stop_in_document(Path(file).read_bytes()),
        )
    except (OSError, ValueError):
        return False
    return any(wished)


def applied(path: Path, reason: str, output: Form, *, dry_run: bool) -> Code:
    raw = path.read_bytes()
    stopped = _stopped(stop_in_document(raw), reason, output, dry_run=dry_run)

    def run() -> Any:
        return service(SERVICE).engine_apply(
            text=raw, actor=actor_here(), reason=reason, dry_run=dry_run
        )

    return _carried(run, _Run(str(path), output, stopped))


def patched(name: str, text: str, reason: str, output: Form, *, dry_run: bool) -> Code:
    try:
        patch = read_patch(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="'--patch'") from None
    stopped = _stopped(stop_in_patch(name, patch), reason, output, dry_run=dry_run)
    if stopped is not None and only_stops(patch):
        return stopped

    def run() -> Any:
        return service(SERVICE).engine_patch(
            name=name, patch=patch, actor=actor_here(), reason=reason, dry_run=dry_run
        )

    return _carried(run, _Run(name, output, stopped))


# Parts --------------------------------------------------------------------------------------------


def _read(path: Path) -> tuple[EngineConfig | None, list[Problem]]:
    try:
        return read_engine(path.read_bytes()), []
    except EngineInvalidError as error:
        return None, list(error.problems)


def _in_force(config: EngineConfig) -> list[dict[str, Any]]:
    """Raises EngineInvalidError, _AwayError."""
    try:
        desk_here()
    except EndError as error:
        raise _AwayError(str(error)) from error
    return [one.body() for one in _asked(lambda: service(WANTED).settings_of(config))]


def _asked(ask: Callable[[], T]) -> T:
    """What the desk answers. Raises _AwayError where its database does not."""
    away = service("django.db").Error
    try:
        return ask()
    except away as error:
        raise _AwayError(f"the database does not answer: {why(error)}") from error


def _stopped(wished: StopWished | None, reason: str, output: Form, *, dry_run: bool) -> Code | None:
    """The exit code of the stop, before anything else is looked at; None where there is none."""
    if wished is None:
        return None
    if dry_run:
        tell(f"this would place a {wished.kind} on {wished.scope}: {wished.why}")
        return Code.DONE
    desk = desk_here()
    try:
        placing = engine_stop(
            wished=wished, actor=actor_here(), reason=reason, patience_s=PATIENCE_S, desk=desk
        )
    except ScopeError as error:
        raise typer.BadParameter(str(error), param_hint="NAME") from None
    except NotAllowedError as error:
        raise EndError(Code.REFUSED, str(error)) from error
    return answer(desk, placing, output, follow=False)


def _carried(run: Callable[[], Any], one: _Run) -> Code:
    """Apply the rest and show it; the worse code of both."""
    desk_here()
    try:
        done = _asked(run)
    except EngineInvalidError as error:
        for problem in error.problems:
            tell(f"{one.named}: {problem}")
        raise EndError(Code.REFUSED, f"{one.named} was not applied{one.stands}") from error
    except (NotAllowedError, LookupError, ValueError) as error:
        raise EndError(Code.REFUSED, f"{error}{one.stands}") from error
    except _AwayError as error:
        raise EndError(Code.UNREACHABLE, f"{error}{one.stands}") from error
    _show_applied(done, one)
    if done.unasked:
        tell(
            "what it raises waits, for no shell raises anything: ask for it in the console,"
            f" {console_address()}/engines/{done.config.name}"
        )
    for each in done.conditions:
        if not each.met:
            tell(f"not yet: {each.name}: {each.text}")
    code = Code.LATCHED if done.unasked else Code.DONE
    return max(code, one.stopped or Code.DONE)


def _show_applied(done: Any, one: _Run) -> None:
    settings = [each.body() for each in done.settings]
    version = done.version.number if done.version else None
    if one.output is Form.JSON:
        body = {
            "engine": done.config.name, "version": version, "settings": settings,
            "waits": [each.name for each in done.raises],
        }  # fmt: skip
        show_json(body, line=one.stopped is not None)
        return
    _show_settings(settings)
    show(f"{done.config.name}  " + (f"version {version}" if version else "nothing was done"))


def _show_settings(settings: Sequence[Mapping[str, Any]]) -> None:
    if settings:
        names = ("field", "name", "now", "wanted", "way")
        columns = ("field", "setting", ">in force", ">wanted", "way")
        show_table(columns, [tuple(one[name] for name in names) for one in settings])
