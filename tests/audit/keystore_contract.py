"""What every key store keeps to; each case gets an empty store. Run in-process and on a token."""

import os
from collections.abc import Callable

import pytest

from audit.keys import KeyStore, KeyStoreError
from audit.sealing import key_of, resealed, seal, unseal

DATA_KEY = bytes(range(32))


def an_empty_store_has_no_current_key(store: KeyStore) -> None:
    assert store.ids() == ()
    with pytest.raises(KeyStoreError, match="keys_rotate"):
        store.current()


def the_newest_key_is_the_current_one(store: KeyStore) -> None:
    first = store.make()
    assert store.current() == first
    second = store.make()
    assert store.current() == second
    assert store.ids() == (first, second)


def what_was_wrapped_is_unwrapped_by_the_same_key(store: KeyStore) -> None:
    first, second = store.make(), store.make()
    wrapped = store.wrap(first, DATA_KEY)
    assert DATA_KEY not in wrapped
    assert store.unwrap(first, wrapped) == DATA_KEY
    assert store.wrap(second, DATA_KEY) != wrapped
    with pytest.raises(KeyStoreError):
        store.unwrap(second, wrapped)


def what_was_altered_is_not_unwrapped(store: KeyStore) -> None:
    key = store.make()
    wrapped = bytearray(store.wrap(key, DATA_KEY))
    wrapped[-1] ^= 1
    with pytest.raises(KeyStoreError):
        store.unwrap(key, bytes(wrapped))


def an_unknown_key_is_named(store: KeyStore) -> None:
    store.make()
    with pytest.raises(KeyStoreError, match="k000009-00000000"):
        store.wrap("k000009-00000000", DATA_KEY)


def a_retired_key_opens_nothing_and_the_current_one_cannot_retire(store: KeyStore) -> None:
    first, second = store.make(), store.make()
    wrapped = store.wrap(first, DATA_KEY)
    with pytest.raises(KeyStoreError, match="current"):
        store.retire(second)
    store.retire(first)
    assert store.ids() == (second,)
    with pytest.raises(KeyStoreError):
        store.unwrap(first, wrapped)
    assert store.make() > second


def secrets_are_sealed_opened_and_sealed_anew(store: KeyStore) -> None:
    first = store.make()
    secret = os.urandom(20)
    sealed = seal(secret, what="factor-seed", whose="user:1", store=store)
    assert key_of(sealed) == first
    second = store.make()
    assert unseal(sealed, what="factor-seed", whose="user:1", store=store) == secret
    again = resealed(sealed, what="factor-seed", whose="user:1", store=store)
    assert key_of(again) == second
    store.retire(first)
    assert unseal(again, what="factor-seed", whose="user:1", store=store) == secret


def a_forked_child_opens_what_its_parent_sealed(store: KeyStore) -> None:
    """As workers do: the store was used before the fork."""
    key = store.make()
    wrapped = store.wrap(key, DATA_KEY)
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if store.unwrap(key, wrapped) == DATA_KEY else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert store.unwrap(key, wrapped) == DATA_KEY


CASES: dict[str, Callable[[KeyStore], None]] = {
    case.__name__: case
    for case in (
        an_empty_store_has_no_current_key,
        the_newest_key_is_the_current_one,
        what_was_wrapped_is_unwrapped_by_the_same_key,
        what_was_altered_is_not_unwrapped,
        an_unknown_key_is_named,
        a_retired_key_opens_nothing_and_the_current_one_cannot_retire,
        secrets_are_sealed_opened_and_sealed_anew,
        a_forked_child_opens_what_its_parent_sealed,
    )
}
