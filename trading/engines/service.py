"""A document comes into force: what it lowers at once, what it raises by two people.

Stops in it are holds, and are placed before anything else is looked at (trading.engines.halting).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db import transaction

from riskctl.actors import Actor, NotAllowedError
from riskctl.approvals.asked import exact
from riskctl.approvals.engine import approval_request
from riskctl.approvals.recording import recorded, refusals_recorded
from riskctl.conditions import Condition, require
from riskctl.holds import RISK, TRADER
from riskctl.limiting import limit_tighten
from riskctl.models import Approval
from riskctl.rules import GROSS_NOTIONAL, strategy_scope
from trading.engines.judging import judge
from trading.engines.problems import Problem
from trading.engines.reading import EngineConfig, read_document, read_engine
from trading.engines.versions import APPROVAL, version_get, version_store
from trading.engines.wanted import SIZE, Setting, Way, settings_of
from trading.gates.raising import raise_conditions
from trading.gates.service import gates_fall
from trading.gates.standing import gates_lock
from trading.models import EngineVersion, Strategy


@dataclass(frozen=True, slots=True)
class Applied:
    """``settings`` as they were when it was applied; ``asked``: the request for what it raises.

    ``version`` is None for a dry run. ``conditions``: of raising its riskLimit where it trades real
    money. ``unasked``: it raises something, and this caller, a shell, cannot ask for that.
    """

    config: EngineConfig
    settings: Sequence[Setting]
    version: EngineVersion | None = None
    asked: Approval | None = None
    problems: Sequence[Problem] = field(default_factory=tuple)
    conditions: Sequence[Condition] = field(default_factory=tuple)

    @property
    def raises(self) -> list[Setting]:
        return [one for one in self.settings if one.way is Way.RAISE]

    @property
    def unasked(self) -> bool:
        return self.version is not None and bool(self.raises) and self.asked is None


def engine_apply(
    *,
    text: bytes | str,
    actor: Actor,
    reason: str = "",
    dry_run: bool = False,
    version: int | None = None,
) -> Applied:
    """Keep a document as a version, lower what it lowers, ask for what it raises.

    ``version``: the latest as it was seen, None where that does not matter. Raises
    EngineInvalidError, NotAllowedError (engine-version: it is another by now, and nothing was
    done), riskctl.approvals.RequestError, PreconditionError (a step of riskLimit too large or too
    early). Where asking is refused, what was lowered stays lowered and the version is kept.
    """
    config = read_engine(text)
    said = text.decode("utf-8-sig") if isinstance(text, bytes) else text
    return _applied(config, said, actor, reason, version, dry_run=dry_run)


def engine_patch(
    *,
    name: str,
    patch: Mapping[str, Any],
    actor: Actor,
    reason: str = "",
    dry_run: bool = False,
    version: int | None = None,
) -> Applied:
    """Apply the latest version of ``name`` with ``patch`` merged into it (RFC 7396).

    An empty patch applies it anew. ``version`` as ``engine_apply`` has it; without it too, one
    that is stored between reading and merging refuses, since a merge would undo it. Raises
    NoSuchEngineError, and as ``engine_apply``.
    """
    latest = version_get(name)
    _check_latest(name, version)  # before what a merge into another version would be blamed for
    seen = latest.number if version is None else version
    merged = _merged(latest.document, patch)
    text, config = read_document(merged)
    if config.name != name:
        raise NotAllowedError("engine-name", "a patch cannot rename: apply a document of that name")
    return _applied(config, text, actor, reason, seen, dry_run=dry_run)


def _merged(document: Any, patch: Any) -> Any:
    if not isinstance(patch, Mapping):
        return patch
    found = dict(document) if isinstance(document, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            found.pop(name, None)
        else:
            found[name] = _merged(found.get(name), value)
    return found


def _applied(
    config: EngineConfig,
    text: str,
    actor: Actor,
    reason: str,
    seen: int | None,
    *,
    dry_run: bool,
) -> Applied:
    with refusals_recorded("engine.store", actor, ("engine", config.name), reason):
        check_may(actor, config.name)
    problems = judge(config)
    if dry_run:
        _check_latest(config.name, seen)
        settings = settings_of(config)
        conditions = raised_conditions(config, settings)
        return Applied(config, settings, problems=problems, conditions=conditions)
    with transaction.atomic():
        gates_lock(config.name)
        _check_latest(config.name, seen)
        settings = settings_of(config)
        version = version_store(config=config, text=text, actor=actor, reason=reason)
        named = f"TradingEngine {config.name} version {version.number}"
        why = f"{named}: {reason}" if reason.strip() else named
        lower = [one for one in settings if one.way is Way.LOWER]
        for one in sorted(lower, key=lambda one: (one.name != SIZE, one.name)):  # as locks go
            _lower(config.name, one, actor, why)
        gates_fall(config.name)
    raised, asked = [one for one in settings if one.way is Way.RAISE], None
    conditions = raised_conditions(config, settings)
    if raised and actor.source != "shell":
        with refusals_recorded("engine.apply", actor, ("engine", config.name), why):
            require(conditions)
        asked = _asked(version, raised, actor, why)
    return Applied(config, settings, version, asked, problems, conditions)


def _check_latest(name: str, seen: int | None) -> None:
    """Raises NotAllowedError. Under the lock it holds until the version is stored."""
    if seen is None:
        return
    numbers = EngineVersion.objects.filter(name=name).order_by("-number")
    latest = numbers.values_list("number", flat=True).first()
    if latest != seen:
        now = "there is no version yet" if latest is None else f"it is version {latest} by now"
        raise NotAllowedError("engine-version", f"{now}, not {seen}: look again")


def raised_conditions(config: EngineConfig, settings: Sequence[Setting]) -> list[Condition]:
    """What raising the riskLimit asks for, measured now; none where it is no raise or no money."""
    raised = {one.name: Decimal(one.wanted) for one in settings
              if one.name == GROSS_NOTIONAL and one.way is Way.RAISE}  # fmt: skip
    if not raised:
        return []
    row = Strategy.objects.filter(key=config.name).first()
    accounts = row.account_ids if row else [config.account, config.second_account]
    return raise_conditions(config.name, accounts, raised[GROSS_NOTIONAL])


def _lower(key: str, one: Setting, actor: Actor, reason: str) -> None:
    if one.name == SIZE:
        row = Strategy.objects.select_for_update().get(key=key)
        if Decimal(one.wanted) >= row.size_notional:
            return  # somebody set it lower since it was read
        before = {"size": exact(row.size_notional), "version": row.version}
        row.size_notional, row.version = Decimal(one.wanted), row.version + 1
        row.save(update_fields=["size_notional", "version"])
        recorded(
            "strategy.size", actor, ("strategy", key), reason=reason, before=before,
            after={"size": one.wanted, "version": row.version},
        )  # fmt: skip
    else:
        limit_tighten(
            scope=strategy_scope(key), kind=one.name, value=one.wanted, actor=actor, reason=reason
        )


def _asked(
    version: EngineVersion, raised: Sequence[Setting], actor: Actor, reason: str
) -> Approval:
    """The request for what is raised; the one that waits already, where it says the same."""
    subject = f"strategy:{version.name}"
    request = {
        "version": version.number,
        "digest": version.digest,
        "settings": {one.name: one.wanted for one in raised},
    }
    waiting = Approval.objects.filter(
        kind=APPROVAL, subject=subject, state=Approval.State.PENDING, requested_by=actor.name,
        request=request,
    )  # fmt: skip
    return waiting.first() or approval_request(
        kind=APPROVAL, subject=subject, request=request, actor=actor, reason=reason
    )


def check_may(actor: Actor, key: str) -> None:
    """Raises NotAllowedError."""
    if actor.kind != "person" or actor.token_scopes:
        raise NotAllowedError(
            "engine-tokens-cannot", "a token may stop; documents are applied by people"
        )
    theirs = actor.resizes_one(key)
    new = TRADER in actor.roles and not Strategy.objects.filter(key=key).exists()
    if not (theirs or new or RISK in actor.roles):
        raise NotAllowedError(
            "engine-not-yours", f"the document of {key} is applied by its trader or by risk"
        )
