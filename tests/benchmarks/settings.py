"""The portal's own settings, with the address table of the benchmark."""

import os

from portal.settings.dev import *  # noqa: F403

ROOT_URLCONF = os.environ.get("BAILIWICK_BENCH_URLCONF", "portal.urls")
