"""The installation's key store, as the settings decide."""

from pathlib import Path

from django.conf import settings

from audit.keys import FileKeys, KeyStore, KeyStoreError, given_keys
from audit.token_keys import TokenKeys

SOURCES = ("file", "environment", "pkcs11")


def key_store() -> KeyStore:
    """Raises KeyStoreError when what the settings name cannot be used."""
    if settings.KEYS == "file":
        return FileKeys(Path(settings.KEYS_FOLDER), make_first=not settings.PRODUCTION)
    if settings.KEYS == "environment":
        return given_keys(settings.SEALING_KEYS)
    if settings.KEYS == "pkcs11":
        return TokenKeys(
            module=settings.PKCS11_MODULE, token=settings.PKCS11_TOKEN, pin=settings.PKCS11_PIN
        )
    raise KeyStoreError(f"HALTLINE_KEYS is {settings.KEYS!r}: say {', '.join(SOURCES)}")
