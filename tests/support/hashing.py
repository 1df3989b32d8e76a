"""Passwords of tests are hashed by the product's own method, at a cost that nobody waits for."""

from django.conf import settings
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.core.signals import setting_changed


class QuickArgon2(Argon2PasswordHasher):
    """0.3 s of a core at the product's cost: tests sign in hundreds of times."""

    time_cost = 1
    memory_cost = 8
    parallelism = 1


def hash_quickly() -> None:
    """In this process, until it ends. A process that a test starts hashes as ever."""
    settings.PASSWORD_HASHERS = ["tests.support.hashing.QuickArgon2"]
    setting_changed.send(
        sender=QuickArgon2, setting="PASSWORD_HASHERS", value=settings.PASSWORD_HASHERS, enter=True
    )
