"""How engines stand: the latest document of each, and what of it is in force now."""

from collections.abc import Sequence
from dataclasses import dataclass

from riskctl.models import Approval
from trading.engines.problems import EngineInvalidError
from trading.engines.reading import read_engine
from trading.engines.versions import APPROVAL, latest_versions, version_get
from trading.engines.wanted import Setting, Way, settings_of
from trading.models import EngineVersion


@dataclass(frozen=True, slots=True)
class EngineStanding:
    """``state``: in force; waits: somebody asked for what it raises; differs: nobody did, or the
    desk was changed since; unfit: it no longer fits the desk, ``why`` says how."""

    version: EngineVersion
    state: str
    settings: Sequence[Setting] = ()
    asked: Approval | None = None
    why: str = ""

    @property
    def name(self) -> str:
        return self.version.name


def engine_standing(name: str) -> EngineStanding:
    """Raises NoSuchEngineError, db.Error."""
    return _standing(version_get(name))


def engine_standings() -> list[EngineStanding]:
    """Of every engine, by name."""
    return [_standing(one) for one in latest_versions()]


def _standing(version: EngineVersion) -> EngineStanding:
    try:
        settings = settings_of(read_engine(version.text))
    except EngineInvalidError as error:
        return EngineStanding(version, "unfit", why=str(error))
    if all(one.way is Way.SAME for one in settings):
        return EngineStanding(version, "in force", settings)
    asked = Approval.objects.filter(
        kind=APPROVAL, subject=f"strategy:{version.name}", state=Approval.State.PENDING,
        request__version=version.number,
    ).first()  # fmt: skip
    return EngineStanding(version, "waits" if asked else "differs", settings, asked)
