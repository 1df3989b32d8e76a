"""Reading the command line of ``apply`` and ``patch`` as the operations guide's lines are typed.

The guide has ``kubectl`` where this is ``haltline``, in an emergency as well: a line that stops
must not fail for an option that nothing here has a use for.
"""

import importlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import typer
from typer.core import TyperArgument, TyperCommand, TyperOption

from console.cli.output import tell

_DRY_RUN = "--dry-run"
_WAYS = ("client", "server", "none")
"""What kubectl has behind ``--dry-run=``: with the first two nothing is done, and here they are
one."""


@dataclass(slots=True)
class _Line:
    """``values``: of options that have one. ``words``: each, and whether it may belong to an
    option that is not known."""

    options: list[str] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    words: list[tuple[str, bool]] = field(default_factory=list)

    def known(self, most: int) -> list[str]:
        """The line without what is not known, for a command that takes ``most`` words."""
        words = [one for one, _ in self.words]
        if len(words) > most:
            words = [one for one, loose in self.words if not loose]
        return [*self.options, "--", *words] if words else self.options


class AsKubectl(TyperCommand):
    """``--dry-run=client`` means ``--dry-run``. Where a stop is wished, options that are not known
    are told and passed over."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        params = self.get_params(ctx)
        takes = {
            name: not one.is_flag
            for one in params
            if isinstance(one, TyperOption)
            for name in one.opts
        }
        line = _read(args, takes)
        if line.unknown and not _stops(line.values):
            return super().parse_args(ctx, args)  # which names it
        if line.unknown:
            tell(f"{', '.join(line.unknown)}: not known here, passed over")
        most = sum(isinstance(one, TyperArgument) for one in params)
        return super().parse_args(ctx, line.known(most))


def _read(args: Iterable[str], takes: dict[str, bool]) -> _Line:
    """``takes``: by option whether it takes a value. Raises typer.BadParameter."""
    line, rest, loose = _Line(), iter(args), False
    for one in rest:
        if one == "--":
            line.words += [(word, False) for word in rest]
        elif not one.startswith("-") or one == "-":
            line.words.append((one, loose))
            loose = False
        else:
            name, value = _split(one)
            loose = name not in takes
            if loose:
                line.unknown.append(name)
            elif name == _DRY_RUN and value is not None:
                line.options += _dry_run(value)
            elif takes[name]:
                given = next(rest, None) if value is None else value
                line.options += [name] if given is None else [name, given]
                line.values[name] = given or ""
            else:
                line.options.append(one)
    return line


def _split(one: str) -> tuple[str, str | None]:
    """An option and the value that it has in the same word."""
    if one.startswith("--"):
        name, equals, value = one.partition("=")
        return name, value if equals else None
    return one[:2], one[2:] or None


def _dry_run(way: str) -> list[str]:
    if way not in _WAYS:
        text = f"{way!r} is none of {', '.join(_WAYS)}"
        raise typer.BadParameter(text, param_hint=f"'{_DRY_RUN}'")
    return [] if way == "none" else [_DRY_RUN]


def _stops(values: dict[str, str]) -> bool:
    """Whether the patch or the document wishes a stop of whatever it names."""
    work = importlib.import_module("console.cli.enginework")  # takes its time, and is rarely asked
    patch, file = values.get("--patch", values.get("-p")), values.get("--file", values.get("-f"))
    return bool(work.stops(patch, file))
