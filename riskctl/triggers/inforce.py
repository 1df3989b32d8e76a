"""Settings in force: defaults, what people decided instead, tightened by the environment. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from riskctl.holds import Kind
from riskctl.triggers.config import SHADOW_IGNORED, THRESHOLDS, Environment, loosening
from riskctl.triggers.specs import SPECS, Direction, TriggerSpec

FIELDS = ("threshold", "confirmations", "cooldown_s", "warn_at", "window_s", "shadow")
MOST_CONFIRMATIONS, MOST_SECONDS = 1_000, 7 * 86_400
_DECIMALS = ("threshold", "warn_at")


class SettingError(ValueError):
    """A setting that cannot be; ``field`` names what to mend."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(f"{field}: {text}")
        self.field = field


@dataclass(frozen=True, slots=True)
class Setting:
    """One trigger's setting. ``version`` 0 and ``origin`` default: nobody has changed it."""

    name: str
    threshold: Decimal
    confirmations: int
    cooldown_s: int
    warn_at: Decimal
    window_s: int
    shadow: bool = False
    version: int = 0
    origin: str = "default"

    def body(self) -> dict[str, Any]:
        """For the record and for answers."""
        return {
            "threshold": self.threshold,
            "confirmations": self.confirmations,
            "cooldown_s": self.cooldown_s,
            "warn_at": self.warn_at,
            "window_s": self.window_s,
            "shadow": self.shadow,
            "version": self.version,
        }


@dataclass(frozen=True, slots=True)
class InForce:
    """All settings in force, whether everything is in shadow, and what was ignored, in words."""

    settings: Mapping[str, Setting]
    shadow: bool = False
    warnings: tuple[str, ...] = ()


def spec_of(name: str) -> TriggerSpec:
    """Raises SettingError for a name that is no trigger."""
    found = SPECS.get(name)
    if found is None:
        raise SettingError("name", f"{name!r} is none of {', '.join(sorted(SPECS))}")
    return found


def default_of(spec: TriggerSpec) -> Setting:
    return Setting(
        name=spec.name,
        threshold=spec.threshold,
        confirmations=spec.confirmations,
        cooldown_s=spec.cooldown_s,
        warn_at=spec.warn_at,
        window_s=spec.window_s,
    )


def tighter(spec: TriggerSpec, one: Decimal, other: Decimal) -> bool:
    """Whether threshold ``one`` breaches earlier than ``other``."""
    return one < other if spec.direction is Direction.ABOVE else one > other


def in_force(
    decided: Iterable[Setting], environment: Environment, *, shadow_approved: bool
) -> InForce:
    """``decided`` are the settings that people made; others run on their defaults."""
    settings = {name: default_of(spec) for name, spec in SPECS.items()}
    open_ = {name for name, spec in SPECS.items() if not spec.fixed}
    settings.update({one.name: one for one in decided if one.name in open_})
    warnings = []
    for variable, value in environment.thresholds.items():
        name = THRESHOLDS[variable]
        now = settings[name]
        if tighter(SPECS[name], value, now.threshold):
            settings[name] = replace(now, threshold=value, origin=variable)
        elif value != now.threshold:
            warnings.append(loosening(variable, value, now.threshold))
    if environment.shadow_wished and not shadow_approved:
        warnings.append(SHADOW_IGNORED)
    shadow = environment.shadow_wished and shadow_approved
    return InForce(settings, shadow, tuple(warnings))


def changed(now: Setting, request: Mapping[str, Any]) -> Setting:
    """``now`` with the fields of ``request``. Raises SettingError naming what cannot be."""
    if spec_of(now.name).fixed:
        raise SettingError("name", f"{now.name} is set by each strategy's document: apply another")
    unknown = sorted(set(request) - set(FIELDS))
    if unknown:
        raise SettingError(unknown[0], f"is none of {', '.join(FIELDS)}")
    wanted = {name: _read(name, value) for name, value in request.items() if value is not None}
    if not wanted:
        raise SettingError("request", f"changes nothing: give one of {', '.join(FIELDS)}")
    after = replace(now, **wanted)
    if after.shadow and not spec_of(now.name).shadowable:
        raise SettingError("shadow", f"{now.name} cannot be put in shadow")
    return after


def _read(name: str, value: Any) -> Any:
    if name == "shadow":
        if not isinstance(value, bool):
            raise SettingError(name, "must be true or false")
        return value
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        raise SettingError(name, "must be a number, as text or whole")
    try:
        number = Decimal(value)
    except ArithmeticError:
        raise SettingError(name, f"{value!r} is no number") from None
    if name in _DECIMALS:
        return _decimal(name, number)
    return _whole(name, number)


def _decimal(name: str, number: Decimal) -> Decimal:
    most = Decimal(1) if name == "warn_at" else Decimal(10) ** 15
    if not number.is_finite() or not 0 < number <= most:
        raise SettingError(name, f"must be above 0 and at most {most:f}")
    places = 4 if name == "warn_at" else 8
    if number != round(number, places):
        raise SettingError(name, f"must have at most {places} decimals")
    return number


def _whole(name: str, number: Decimal) -> int:
    least = 1 if name == "confirmations" else 0
    most = MOST_CONFIRMATIONS if name == "confirmations" else MOST_SECONDS
    if not number.is_finite() or number != int(number) or not least <= number <= most:
        raise SettingError(name, f"must be a whole number from {least} to {most}")
    return int(number)


def loosened(before: Setting, after: Setting) -> list[str]:
    """Names of the fields by which ``after`` fires later, seldomer or not at all, or is lifted
    sooner.

    A window is neither: a longer one sees more and forgets later, so any change of it counts. A
    breaker's cool-down is also how long it holds at least, so any change of that counts as well.
    """
    spec = spec_of(before.name)
    sooner = spec.kind is Kind.BREAKER and after.cooldown_s < before.cooldown_s
    found = {
        "threshold": tighter(spec, before.threshold, after.threshold),
        "confirmations": after.confirmations > before.confirmations,
        "cooldown_s": after.cooldown_s > before.cooldown_s or sooner,
        "warn_at": after.warn_at > before.warn_at,
        "window_s": after.window_s != before.window_s,
        "shadow": after.shadow and not before.shadow,
    }
    return [name for name, is_looser in found.items() if is_looser]
