"""Fixtures of packages: no subject key of an earlier test's database is remembered."""

import pytest

from portal.ledger.vault import forget_cached_keys


@pytest.fixture(autouse=True)
def _no_old_keys() -> None:
    forget_cached_keys()
