"""Settings of `make run`: one machine, loopback, keys and secrets made on first use."""

import secrets

from portal.settings import environment
from portal.settings.base import *  # noqa: F403
from portal.settings.base import BAILIWICK_DATA_DIR, SECRET_KEY

if not SECRET_KEY:
    _path = BAILIWICK_DATA_DIR / "secret-key"
    if not _path.exists():
        _path.parent.mkdir(parents=True, exist_ok=True)
        _path.touch(mode=0o600)
        _path.write_text(secrets.token_urlsafe(48), encoding="utf-8")
    SECRET_KEY = _path.read_text(encoding="utf-8").strip()

DEBUG = environment.flag("DEBUG")
EMAIL_BACKEND = environment.text("EMAIL_BACKEND", "django.core.mail.backends.filebased.EmailBackend")
EMAIL_FILE_PATH = BAILIWICK_DATA_DIR / "mail"
