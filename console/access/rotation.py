"""Rotating the keys that secrets are sealed under: a new one, everything sealed anew, old ones out.

It may be killed at any moment: what was sealed anew stays, everything opens meanwhile, and the next
call goes on instead of making another key. Seeds are sealed anew in batches, each one transaction
with its entry in the record.
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from django.db import transaction

from audit.key_source import key_store
from audit.keys import KEY_BYTES, KeyStoreError
from audit.record import entry_id, record
from audit.sealing import key_of, resealed
from console.access.seal_lock import retiring, sealing
from console.access.seeds import WHAT, whose
from console.models import Authenticator
from riskctl.actors import Actor
from trading.venues.credentials import credentials_keys, credentials_reseal

BATCH = 100
PREFIX = "hl1."


@dataclass(frozen=True)
class Rotation:
    """``went_on``: no key was made, an earlier rotation was not through. ``kept``: old keys that
    are in use, or not for us to retire, and why."""

    current: str
    went_on: bool
    seeds: int
    credentials: int
    retired: tuple[str, ...]
    kept: dict[str, str]


def keys_rotate(
    *, actor: Actor, credentials: Path, batch: int = BATCH, new_key: bool = True
) -> Rotation:
    """``new_key``: False seals anew under the key that is current, e.g. on another host.

    Raises audit.keys.KeyStoreError, audit.sealing.SealError,
    trading.venues.credentials.CredentialsError; what was sealed anew until then stays.
    """
    store = key_store()
    went_on = bool(store.ids()) and not _all_under(store.current(), credentials)
    if new_key and not went_on:
        store.make()
    current = store.current()
    _note("keys.make", actor, current, {"source": type(store).__name__}, once=True)
    seeds = _seeds_reseal(current, actor, batch)
    files = credentials_reseal(credentials, current)
    if files:
        _note("keys.reseal", actor, current, {"what": "venue-credentials", "count": files})
    retired, kept = _retire(current, credentials, actor)
    return Rotation(current, went_on, seeds, files, retired, kept)


def keys_prepare(*, actor: Actor, credentials: Path) -> None:
    """At start: the first key where nothing is sealed yet; else every key that is needed is there.

    Raises KeyStoreError naming what is missing, CredentialsError.
    """
    store, used = key_store(), key_use(credentials)
    missing = sorted(set(used) - {"", *store.ids()})
    if missing:
        raise KeyStoreError(
            f"sealing keys are missing: {', '.join(missing)}: bring them back from where they are"
            " kept; what they seal cannot be opened without"
        )
    if not store.ids():
        _note("keys.make", actor, store.make(), {"source": type(store).__name__}, once=True)
    store.wrap(store.current(), bytes(KEY_BYTES))


def key_use(credentials: Path) -> Counter[str]:
    """Id of a key -> how many secrets it opens; empty for those in the clear."""
    used = Counter(key_of(one) for one in Authenticator.objects.values_list("key", flat=True))
    used.update(credentials_keys(credentials).values())
    return used


def _all_under(current: str, credentials: Path) -> bool:
    """What is in the clear was never part of a rotation."""
    return set(key_use(credentials)) <= {current, ""}


def _seeds_reseal(current: str, actor: Actor, batch: int) -> int:
    done = 0
    while count := _batch_reseal(current, actor, batch):
        done += count
    return done


def _batch_reseal(current: str, actor: Actor, batch: int) -> int:
    """Rows that somebody uses just now are waited for: the lock is theirs for one sign-in."""
    with transaction.atomic():
        sealing()
        rows = list(
            Authenticator.objects.select_for_update()
            .exclude(key__startswith=f"{PREFIX}{current}.")
            .order_by("pk")[:batch]
        )
        for one in rows:
            one.key = resealed(one.key, what=WHAT, whose=whose(one.user_id), store=key_store())
            one.save(update_fields=["key"])
        if rows:
            _note("keys.reseal", actor, current, {"what": WHAT, "count": len(rows)})
        return len(rows)


def _retire(
    current: str, credentials: Path, actor: Actor
) -> tuple[tuple[str, ...], dict[str, str]]:  # fmt: skip
    """Old keys that nothing is sealed under; nobody can be sealing under one meanwhile."""
    store = key_store()
    retired: list[str] = []
    kept: dict[str, str] = {}
    with transaction.atomic():
        retiring()
        used = key_use(credentials)
        for one in store.ids():
            if one == current:
                continue
            if used[one]:
                kept[one] = f"opens {used[one]}"
                continue
            try:
                store.retire(one)
            except KeyStoreError as error:
                kept[one] = str(error)
                continue
            retired.append(one)
            _note("keys.retire", actor, one, {"current": current})
    return tuple(retired), kept


def _note(
    action: str, actor: Actor, key: str, after: dict[str, object], *, once: bool = False
) -> None:
    """``once``: said again by a call that goes on, and kept once."""
    record(
        action=action,
        actor_kind=actor.kind,
        actor=actor.name,
        object_kind="key",
        object_id=key,
        source=actor.source,
        after=after,
        id=entry_id(action, key) if once else None,
    )
