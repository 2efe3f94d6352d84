"""Settings of the workers that a test starts: mail into a folder, a schedule of their own, quick rounds."""

import os
from pathlib import Path

from tests.process_settings import *  # noqa: F403
from tests.process_settings import CELERY_BEAT_SCHEDULE

EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
EMAIL_FILE_PATH = Path(os.environ["BAILIWICK_TEST_MAIL"])
CELERY_BEAT_SCHEDULE_FILENAME = os.environ["BAILIWICK_TEST_BEAT"]
CELERY_BEAT_SCHEDULE = {name: {**entry, "schedule": 2.0} for name, entry in CELERY_BEAT_SCHEDULE.items()}
