"""Venue adapters. What the shared cases assert is shown like a test's own."""

import pytest

for name in ("venue_contract", "protection_cases", "terms_cases"):
    pytest.register_assert_rewrite(f"tests.venues.{name}")
