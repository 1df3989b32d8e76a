"""The evaluator: readings in, warnings and breaches out. Pure: times are passed in.

A breach fires when ``confirmations`` readings in a row breach, each on other facts than the one
before (``Reading.at_ns``), so that one bad reading, however often it is looked at, cannot trip. An
unknown reading neither confirms nor clears; how long it has been unknown is measured by the
trigger named ``seen_by``. After a breach the same trigger and scope fire again only when the
cool-down is over, or when ``rearm`` says that the hold is gone.
"""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from riskctl.holds import FIRM
from riskctl.triggers.inforce import InForce, Setting
from riskctl.triggers.specs import SPECS, Direction, TriggerSpec

NS = 1_000_000_000
_MOST = Decimal(1_000)
_GRAIN, _SHARE_GRAIN = Decimal("1e-8"), Decimal("1e-4")
_FIRINGS = uuid.UUID("0f0d6a51-7f0e-5a3f-9b3c-2f7a1d5b6c10")

WARNING, BREACH = "warning", "breach"

Key = tuple[str, str]
"""(trigger, scope)"""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a trigger measures, now. ``value`` None: unknown. ``at_ns`` differs when facts do."""

    trigger: str
    scope: str
    value: Decimal | None
    at_ns: int
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Moment:
    """One moment on the boot clock, which cool-downs run on, and on the wall clock."""

    boot_ns: int
    wall_ns: int


@dataclass(frozen=True, slots=True)
class Firing:
    """A confirmed breach or warning. ``shadow``: it must not lead to a hold."""

    id: uuid.UUID
    trigger: str
    scope: str
    level: str
    value: Decimal
    threshold: Decimal
    shadow: bool
    source: str
    detail: str
    at: Moment

    @property
    def holds(self) -> bool:
        """Whether a hold follows."""
        return self.level == BREACH and not self.shadow

    @property
    def reason(self) -> str:
        """One sentence for a hold and for the record."""
        spec = SPECS[self.trigger]
        more = f" ({self.detail})" if self.detail else ""
        return (
            f"{spec.what}: {self.value.normalize():f} {spec.unit},"
            f" threshold {self.threshold.normalize():f}{more}"
        )


@dataclass(frozen=True, slots=True)
class Standing:
    """A trigger on one scope as last judged. ``share``: of the threshold; 1 is the breach."""

    trigger: str
    scope: str
    state: str
    value: Decimal | None
    share: Decimal | None
    setting: Setting
    shadow: bool
    count: int
    unknown_s: int | None
    detail: str


@dataclass(slots=True)
class _Track:
    value: Decimal | None = None
    share: Decimal | None = None
    detail: str = ""
    judged_at: int | None = None
    breaches: int = 0
    near: int = 0
    warned: bool = False
    unknown_since: int | None = None


@dataclass(slots=True)
class _Batch:
    now: Moment
    seen: set[Key] = field(default_factory=set)
    sinks: dict[Key, Reading] = field(default_factory=dict)
    fired: list[Firing] = field(default_factory=list)


def share_of(spec: TriggerSpec, value: Decimal, threshold: Decimal) -> Decimal:
    """How much of the way to the breach: 1 and above is one; at most 1,000."""
    if spec.direction is Direction.ABOVE:
        share = value / threshold
    else:
        share = threshold / value if value > 0 else _MOST
    return max(Decimal(0), min(share, _MOST))


class Evaluator:
    """Judges what one source reads. Each call of ``take`` gets everything the source can read."""

    def __init__(self, source: str, in_force: InForce) -> None:
        self._source = source
        self._in_force = in_force
        self._tracks: dict[Key, _Track] = {}
        self._fired: dict[Key, Firing] = {}
        self._warned: dict[Key, int] = {}

    @property
    def in_force(self) -> InForce:
        return self._in_force

    def set_in_force(self, in_force: InForce) -> None:
        """Judge by these from now on; what was counted stays counted."""
        self._in_force = in_force

    def rearm(self, trigger: str, scope: str) -> None:
        """Its hold is gone, or could not be placed: it may fire again, freshly confirmed."""
        self._fired.pop((trigger, scope), None)
        track = self._tracks.get((trigger, scope))
        if track is not None:
            track.breaches = 0

    def take(self, readings: Iterable[Reading], now: Moment) -> list[Firing]:
        """Judge ``readings``; what fired. A scope that is not among them is forgotten.

        Raises KeyError for a trigger that is not in the table.
        """
        batch = _Batch(now)
        for one in readings:
            spec = SPECS[one.trigger]
            if not spec.seen_by:
                _keep_worst(batch.sinks, self._measured(one, now))
                continue
            track = self._judge(spec, one, batch)
            if track.unknown_since is not None:
                since = track.unknown_since
                _keep_worst(batch.sinks, _unknown(spec.seen_by, FIRM, since, one, now))
        for one in batch.sinks.values():
            self._judge(SPECS[one.trigger], one, batch)
        for key in self._tracks.keys() - batch.seen:
            del self._tracks[key]
        return batch.fired

    def _measured(self, sink: Reading, now: Moment) -> Reading:
        """A sink that is itself unknown measures for how long, whatever else is."""
        key = (sink.trigger, sink.scope)
        track = self._tracks.setdefault(key, _Track())
        if sink.value is not None:
            track.unknown_since = None
            return sink
        if track.unknown_since is None:
            track.unknown_since = now.boot_ns
        return _unknown(sink.trigger, sink.scope, track.unknown_since, sink, now)

    def _judge(self, spec: TriggerSpec, one: Reading, batch: _Batch) -> _Track:
        key = (one.trigger, one.scope)
        batch.seen.add(key)
        track = self._tracks.setdefault(key, _Track())
        track.detail = one.detail
        if one.value is None:
            track.value = track.share = None
            if track.unknown_since is None:
                track.unknown_since = batch.now.boot_ns
            return track
        if spec.seen_by:
            track.unknown_since = None
        setting = self._in_force.settings[spec.name]
        track.value = one.value
        track.share = share_of(spec, one.value, setting.threshold)
        self._count(track, setting, one.at_ns)
        self._fire(spec, key, track, batch)
        return track

    @staticmethod
    def _count(track: _Track, setting: Setting, at_ns: int) -> None:
        share = track.share or Decimal(0)
        newer = at_ns != track.judged_at
        track.breaches = track.breaches + newer if share >= 1 else 0
        near = share >= setting.warn_at
        track.near = track.near + newer if near else 0
        track.warned = track.warned and near
        if newer:
            track.judged_at = at_ns

    def _fire(self, spec: TriggerSpec, key: Key, track: _Track, batch: _Batch) -> None:
        setting, now = self._in_force.settings[spec.name], batch.now
        cooldown_ns = setting.cooldown_s * NS
        if track.breaches >= setting.confirmations:
            track.warned = True
            last = self._fired.get(key)
            # One that fired in shadow placed nothing: out of shadow nothing has fired yet.
            unheld = last is not None and last.shadow and not self._in_shadow(spec)
            if unheld or _over(last.at.boot_ns if last else None, cooldown_ns, now):
                self._fired[key] = self._firing(BREACH, spec, key, track, now)
                batch.fired.append(self._fired[key])
        elif track.near >= setting.confirmations and not track.warned:
            track.warned = True
            if _over(self._warned.get(key), cooldown_ns, now):
                self._warned[key] = now.boot_ns
                batch.fired.append(self._firing(WARNING, spec, key, track, now))

    def _firing(
        self, level: str, spec: TriggerSpec, key: Key, track: _Track, now: Moment
    ) -> Firing:
        value = track.value if track.value is not None else Decimal(0)
        return Firing(
            id=uuid.uuid5(_FIRINGS, f"{self._source}\x1f{key}\x1f{level}\x1f{now.wall_ns}"),
            trigger=key[0],
            scope=key[1],
            level=level,
            value=round(value, 8),
            threshold=self._in_force.settings[spec.name].threshold,
            shadow=self._in_shadow(spec),
            source=self._source,
            detail=track.detail,
            at=now,
        )

    def _in_shadow(self, spec: TriggerSpec) -> bool:
        alone = self._in_force.settings[spec.name].shadow
        return spec.shadowable and (self._in_force.shadow or alone)

    def standings(self, now: Moment) -> list[Standing]:
        """Every trigger and scope as last judged, by name and scope."""
        return [self._standing(key, track, now) for key, track in sorted(self._tracks.items())]

    def _standing(self, key: Key, track: _Track, now: Moment) -> Standing:
        spec, setting = SPECS[key[0]], self._in_force.settings[key[0]]
        since = track.unknown_since
        return Standing(
            trigger=key[0],
            scope=key[1],
            state=_state(track, setting),
            value=None if track.value is None else track.value.quantize(_GRAIN).normalize(),
            share=None if track.share is None else track.share.quantize(_SHARE_GRAIN),
            setting=setting,
            shadow=self._in_shadow(spec),
            count=track.breaches,
            unknown_s=None if since is None else (now.boot_ns - since) // NS,
            detail=track.detail,
        )


def _state(track: _Track, setting: Setting) -> str:
    if track.share is None:
        return "unknown"
    if track.share >= 1:
        return BREACH
    return WARNING if track.share >= setting.warn_at else "ok"


def _over(then: int | None, cooldown_ns: int, now: Moment) -> bool:
    return then is None or now.boot_ns - then >= cooldown_ns


def _keep_worst(sinks: dict[Key, Reading], one: Reading) -> None:
    """Of several readings of one sink the longest counts; one that is known before unknown."""
    known = sinks.get((one.trigger, one.scope))
    if known is None or (one.value or -1) > (known.value or -1):
        sinks[one.trigger, one.scope] = one


def _unknown(trigger: str, scope: str, since: int, why: Reading, now: Moment) -> Reading:
    detail = why.detail or "no answer"
    if why.trigger != trigger:
        detail = f"{why.trigger} on {why.scope} is unknown: {detail}"
    return Reading(trigger, scope, Decimal((now.boot_ns - since) // NS), now.boot_ns, detail)
