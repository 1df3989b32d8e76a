"""What a document raises, by two people, risk among them: the kind ``engine-apply``."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from riskctl.actors import Actor
from riskctl.approvals.asked import check_as_asked
from riskctl.approvals.kinds import RequestError, part_of
from riskctl.approvals.limits import limit_raise, limits_lock
from riskctl.approvals.recording import recorded
from riskctl.conditions import require
from riskctl.models import Approval, Lease
from riskctl.rules import strategy_scope
from trading.engines.problems import EngineInvalidError
from trading.engines.reading import EngineConfig, read_engine
from trading.engines.service import check_may, raised_conditions
from trading.engines.versions import NoSuchEngineError, version_get
from trading.engines.wanted import (
    LIMITS,
    PARAMETERS,
    SIZE,
    SYMBOLS,
    Setting,
    Way,
    settings_of,
)
from trading.gates.service import gates_fall
from trading.gates.standing import gates_lock
from trading.models import EngineVersion, Strategy

FIELDS = frozenset({"version", "digest", "settings"})


def engine_state(subject: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """Of ``strategy:NAME``: its latest version, and what is in force of what is asked for.

    Raises RequestError.
    """
    version = _said(subject, request)
    config, settings = _settings(version)
    now = {one.name: one.now for one in settings}
    state = {
        "version": version_get(version.name).number,
        "settings": {name: now.get(name) for name in sorted(request["settings"])},
    }
    conditions = raised_conditions(config, settings)
    return {**state, "conditions": [one.body() for one in conditions]} if conditions else state


def engine_check(subject: str, _request: Mapping[str, Any], actor: Actor) -> None:
    """Raises NotAllowedError, RequestError."""
    check_may(actor, part_of(subject, "strategy"))


def engine_apply_execute(*, approval: Approval, actor: Actor) -> Mapping[str, Any]:
    """The executor: exactly what was asked for, the strategy itself where it is new.

    Measured before its size and limits are locked: whoever lowers one meanwhile does not wait.
    """
    version = _said(approval.subject, approval.request)
    gates_lock(version.name)
    config, settings = _settings(version, approval)
    _exactly(version, settings, approval)
    measured = require(raised_conditions(config, settings))
    row, scope = _locked(config.name), strategy_scope(config.name)
    limits_lock(scope)
    config, settings = _settings(version, approval)
    now = {one.name: one.now for one in settings}
    check_as_asked(
        approval, settings={name: now.get(name) for name in approval.request["settings"]}
    )
    raised = _exactly(version, settings, approval)
    before = {name: one.now for name, one in raised.items()}
    _bring(config, row, raised, approval)
    for name in LIMITS:
        if name in raised:
            value = Decimal(raised[name].wanted)
            limit_raise(scope=scope, kind=name, value=value, approval=approval, actor=actor)
    gates_fall(config.name)
    after = {name: one.wanted for name, one in raised.items()}
    recorded(
        "engine.apply", actor, ("engine", config.name), reason=approval.reason,
        correlation_id=str(approval.id), before=before,
        after={
            **after, "version": version.number, "digest": version.digest, "approval": approval.id,
            "asked_by": approval.requested_by,
        },
    )  # fmt: skip
    found = {"strategy": config.name, "version": version.number, "settings": after}
    return {**found, "conditions": [one.body() for one in measured]} if measured else found


def _exactly(
    version: EngineVersion, settings: Sequence[Setting], approval: Approval
) -> dict[str, Setting]:
    """What it raises, by name. Raises RequestError where that is not what was asked for."""
    raised = {one.name: one for one in settings if one.way is Way.RAISE}
    if {name: one.wanted for name, one in raised.items()} != approval.request["settings"]:
        words = ", ".join(f"{name} {one.wanted}" for name, one in raised.items()) or "nothing"
        raise RequestError("settings", f"version {version.number} raises these, exactly: {words}")
    return raised


def _locked(key: str) -> Strategy | None:
    return Strategy.objects.select_for_update().filter(key=key).first()


def _bring(
    config: EngineConfig, row: Strategy | None, raised: Mapping[str, Setting], approval: Approval
) -> None:
    """The strategy's own row. A new one has no rung: it stands on the ground, and may not trade."""
    if row is None:
        Strategy.objects.create(
            key=config.name, kind=config.kind, owner=approval.requested_by,
            account_id=config.account, second_account_id=config.second_account or None,
            symbols=list(config.instruments),
            parameters=dict(config.parameters), size_notional=Decimal(raised[SIZE].wanted),
            shard=_least_shard(),
        )  # fmt: skip
        return
    changed = []
    if SIZE in raised:
        row.size_notional, changed = Decimal(raised[SIZE].wanted), ["size_notional"]
    if SYMBOLS in raised:
        row.symbols, changed = list(config.instruments), [*changed, "symbols"]
    if PARAMETERS in raised:
        row.parameters, changed = dict(config.parameters), [*changed, "parameters"]
    if changed:
        row.version += 1
        row.save(update_fields=[*changed, "version"])


def _least_shard() -> int:
    """The shard with the fewest strategies, of those that are hosted."""
    names = Lease.objects.filter(role="shard").values_list("name", flat=True)
    shards = sorted(int(one.partition(":")[2]) for one in names) or [0]
    taken = list(Strategy.objects.values_list("shard", flat=True))
    return min(shards, key=lambda one: (taken.count(one), one))


def _said(subject: str, request: Mapping[str, Any]) -> EngineVersion:
    """The version that is asked for. Raises RequestError."""
    name, number = part_of(subject, "strategy"), request.get("version")
    if set(request) != FIELDS or not isinstance(request["settings"], Mapping):
        raise RequestError("request", "it says version, digest and settings, and nothing else")
    if isinstance(number, bool) or not isinstance(number, int):
        raise RequestError("version", f"must be a whole number, not {number!r}")
    try:
        version = version_get(name, number)
    except NoSuchEngineError as error:
        raise RequestError("version", str(error)) from None
    if version.digest != request["digest"]:
        raise RequestError("digest", f"version {number} has another: look at it again")
    if not request["settings"]:
        raise RequestError("settings", "it raises nothing: there is nothing to ask")
    return version


def _settings(
    version: EngineVersion, deciding: Approval | None = None
) -> tuple[EngineConfig, list[Setting]]:
    try:
        config = read_engine(version.text)
        return config, settings_of(config, deciding=deciding)
    except EngineInvalidError as error:
        raise RequestError("version", str(error)) from None
