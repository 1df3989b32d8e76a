"""How engines stand: the latest document of each, and what of it is in force now."""

from collections.abc import Sequence
from dataclasses import dataclass

from riskctl.holds import HoldFact, Kind, Mode
from riskctl.models import Approval
from riskctl.selectors import open_holds
from trading.engines.problems import EngineInvalidError
from trading.engines.reading import read_engine
from trading.engines.stopping import StopWished, stop_in_document
from trading.engines.versions import APPROVAL, latest_versions, version_get
from trading.engines.wanted import Setting, Way, settings_of
from trading.models import EngineVersion


@dataclass(frozen=True, slots=True)
class EngineStanding:
    """``state``: in force; waits: somebody asked for what it raises; differs: nobody did, the desk
    was changed since, or a stop that it says stands no longer; unfit: it no longer fits the desk.
    ``why``: of a stop that stands no longer, and of what does not fit."""

    version: EngineVersion
    state: str
    settings: Sequence[Setting] = ()
    asked: Approval | None = None
    why: str = ""

    @property
    def apart(self) -> bool:
        """Whether a setting is not as the document says."""
        return any(one.way is not Way.SAME for one in self.settings)

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
    lifted = _lifted(version)
    if not lifted and all(one.way is Way.SAME for one in settings):
        return EngineStanding(version, "in force", settings)
    asked = Approval.objects.filter(
        kind=APPROVAL, subject=f"strategy:{version.name}", state=Approval.State.PENDING,
        request__version=version.number,
    ).first()  # fmt: skip
    return EngineStanding(version, "waits" if asked else "differs", settings, asked, lifted)


def _lifted(version: EngineVersion) -> str:
    """Why it does not stand as it says, of a document that says a stop; else empty."""
    wished = stop_in_document(version.text)
    if wished is None or any(_is(wished, one) for one in open_holds([wished.scope])):
        return ""
    return f"{wished.why} is a {wished.kind}, and none stands on {wished.scope}"


def _is(wished: StopWished, hold: HoldFact) -> bool:
    """Whether ``hold`` stops as much."""
    stops = hold.mode.strictness >= Mode.HALTED.strictness
    return stops and (hold.cancels or wished.kind is Kind.PAUSE)
