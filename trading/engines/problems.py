"""What is wrong with a document: where, which field, what it is, and what to do. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Grade(StrEnum):
    """An error refuses the document; a warning does in strict mode; a note is for reading."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Problem:
    """``line`` counts from 1, 0 where there is none; ``field`` is its path, e.g. spec.markets."""

    grade: Grade
    line: int
    field: str
    text: str

    def __str__(self) -> str:
        where = f"line {self.line}: " if self.line else ""
        return f"{where}{self.field}: {self.text}" if self.field else f"{where}{self.text}"

    def body(self) -> dict[str, str | int]:
        return {
            "grade": str(self.grade), "line": self.line, "field": self.field, "text": self.text,
        }  # fmt: skip


def error(line: int, field: str, text: str) -> Problem:
    return Problem(Grade.ERROR, line, field, text)


def errors_in(problems: Iterable[Problem], *, strict: bool = False) -> list[Problem]:
    """Those that refuse a document; ``strict``: warnings too."""
    refusing = {Grade.ERROR, Grade.WARNING} if strict else {Grade.ERROR}
    return [one for one in problems if one.grade in refusing]


class EngineInvalidError(ValueError):
    """A document that is none; ``problems`` says all that is wrong with it."""

    code = "engine-invalid"

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(str(one) for one in self.problems))
