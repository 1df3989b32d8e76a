"""Keys in a hardware module, by PKCS#11. They are made there and never leave it.

Needs python-pkcs11 (requirements/hsm.in), a module, the label of a token and its user PIN. A key is
an AES-256 secret key object labelled ``haltline``, not extractable, whose CKA_ID is its id; data
keys pass through as session objects and are wrapped by CKM_AES_KEY_WRAP (RFC 3394).
"""

import importlib
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from audit.keys import KEY_ID, KeyStoreError, check_retirable, newest, next_id

LABEL = "haltline"
RETIRED = "haltline-retired"

_lock = threading.Lock()
_initialised_by: dict[str, int] = {}
"""Which process initialised a module last: after a fork it must be initialised anew."""


class TokenKeys:
    """A session a call: sessions are of one thread, and a token may be pulled and put back."""

    def __init__(self, *, module: str, token: str, pin: str) -> None:
        self._module, self._token, self._pin = module, token, pin
        try:
            self._p11: Any = importlib.import_module("pkcs11")
        except ImportError:
            raise KeyStoreError(
                "HALTLINE_KEYS is pkcs11 and python-pkcs11 is not installed:"
                " pip install --require-hashes -r requirements/hsm.txt"
            ) from None

    def ids(self) -> tuple[str, ...]:
        with self._session() as session:
            return self._ids(session)

    def current(self) -> str:
        return newest(self.ids(), f"the token {self._token}")

    def make(self) -> str:
        flags = self._p11.MechanismFlag
        with self._session(writes=True) as session:
            made = next_id(self._ids(session))
            session.generate_key(
                self._p11.KeyType.AES,
                256,
                id=made.encode(),
                label=LABEL,
                store=True,
                capabilities=flags.WRAP | flags.UNWRAP,
                template={
                    self._p11.Attribute.SENSITIVE: True,
                    self._p11.Attribute.EXTRACTABLE: False,
                },
            )
        return made

    def retire(self, key_id: str) -> None:
        """It stays on the token under another label, for whoever must open an old backup."""
        check_retirable(key_id, self.current())
        with self._session(writes=True) as session:
            self._key(session, key_id)[self._p11.Attribute.LABEL] = RETIRED

    def wrap(self, key_id: str, data_key: bytes) -> bytes:
        attribute = self._p11.Attribute
        with self._session() as session:
            passing = session.create_object(
                {
                    attribute.CLASS: self._p11.ObjectClass.SECRET_KEY,
                    attribute.KEY_TYPE: self._p11.KeyType.AES,
                    attribute.VALUE: data_key,
                    **self._passing(),
                }
            )
            mechanism = self._p11.Mechanism.AES_KEY_WRAP
            return bytes(self._key(session, key_id).wrap_key(passing, mechanism=mechanism))

    def unwrap(self, key_id: str, wrapped: bytes) -> bytes:
        with self._session() as session:
            passing = self._key(session, key_id).unwrap_key(
                self._p11.ObjectClass.SECRET_KEY,
                self._p11.KeyType.AES,
                wrapped,
                mechanism=self._p11.Mechanism.AES_KEY_WRAP,
                template=self._passing(),
            )
            return bytes(passing[self._p11.Attribute.VALUE])

    def _passing(self) -> dict[Any, bool]:
        attribute = self._p11.Attribute
        return {attribute.TOKEN: False, attribute.SENSITIVE: False, attribute.EXTRACTABLE: True}

    def _ids(self, session: Any) -> tuple[str, ...]:
        found = (bytes(one.id).decode(errors="replace") for one in self._objects(session))
        return tuple(sorted(one for one in found if KEY_ID.fullmatch(one)))

    def _objects(self, session: Any, **named: Any) -> list[Any]:
        attribute = self._p11.Attribute
        wanted = {attribute.CLASS: self._p11.ObjectClass.SECRET_KEY, attribute.LABEL: LABEL}
        if named:
            wanted[attribute.ID] = named["key_id"].encode()
        return list(session.get_objects(wanted))

    def _key(self, session: Any, key_id: str) -> Any:
        found = self._objects(session, key_id=key_id)
        if len(found) != 1:
            raise KeyStoreError(f"the token {self._token} has {len(found)} keys {key_id}, not one")
        return found[0]

    @contextmanager
    def _session(self, *, writes: bool = False) -> Iterator[Any]:
        """Raises KeyStoreError for whatever the module refuses. One at a time in this process."""
        with _lock:
            try:
                library = self._library()
                token = library.get_token(token_label=self._token)
                with token.open(rw=writes, user_pin=self._pin) as session:
                    yield session
            except self._p11.PKCS11Error as error:
                said = str(error) or type(error).__name__
                raise KeyStoreError(f"the token {self._token}: {said}") from None

    def _library(self) -> Any:
        library = self._p11.lib(self._module)
        if _initialised_by.setdefault(self._module, os.getpid()) != os.getpid():
            with suppress(self._p11.PKCS11Error):  # what the parent had open is not ours to close
                library.finalize()
            library.initialize()
            _initialised_by[self._module] = os.getpid()
        return library
