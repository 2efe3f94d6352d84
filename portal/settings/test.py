"""Settings of the test suite: quick password hashing, plain static files, mail in memory."""

import tempfile
from pathlib import Path

from portal.settings import environment
from portal.settings.base import *  # noqa: F403

SECRET_KEY = "only-for-tests-" + "0" * 50
ALLOWED_HOSTS = ["testserver", "127.0.0.1", "localhost"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
if not environment.text("DATA_DIR"):
    BAILIWICK_DATA_DIR = Path(tempfile.gettempdir()) / "bailiwick-test"
    BAILIWICK_KEY_DIR = BAILIWICK_DATA_DIR / "keys"
# Off: many tests sign in within one minute from one address. The tests of the limits switch them on.
ACCOUNT_RATE_LIMITS = dict.fromkeys(
    ("login", "login_failed", "reset_password", "reset_password_from_key", "reauthenticate", "change_password"), ""
)
# Nothing is collected for tests; files are read where they lie.
WHITENOISE_AUTOREFRESH = True
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
# The tests' cluster runs without fsync; everything else that `drift` looks at holds for it too.
BAILIWICK_REQUIRE_DURABLE_DATABASE = False
# A task that is sent within the tests is for nobody; those of workers (tests/workers) name a real broker. Without this
# each of them waits half a minute for a queue in a database that is not there.
BAILIWICK_BROKER_URL = environment.text("BROKER_URL", "memory://")
