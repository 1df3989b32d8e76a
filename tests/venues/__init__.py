"""Venue adapters. What the shared cases assert is shown like a test's own."""

import pytest

pytest.register_assert_rewrite("tests.venues.venue_contract", "tests.venues.protection_cases")
