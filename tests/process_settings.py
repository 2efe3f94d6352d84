"""Settings of the portal's processes that a test starts: those of `make run`, on a cluster without fsync."""

from portal.settings.dev import *  # noqa: F403

BAILIWICK_REQUIRE_DURABLE_DATABASE = False
